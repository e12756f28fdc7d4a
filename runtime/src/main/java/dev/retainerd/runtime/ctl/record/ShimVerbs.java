package dev.retainerd.runtime.ctl.record;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.shims.v1.ListShimsRequest;
import dev.retainerd.wire.shims.v1.ListShimsResponse;
import dev.retainerd.wire.shims.v1.SetLogRequest;
import dev.retainerd.wire.shims.v1.SetLogResponse;
import dev.retainerd.wire.shims.v1.Shim;
import dev.retainerd.wire.shims.v1.ShimsGrpc;
import dev.retainerd.wire.shims.v1.UpgradeOutcome;
import dev.retainerd.wire.shims.v1.UpgradeShimsRequest;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl shims}: the processes that containers live under. */
public final class ShimVerbs {

  private ShimVerbs() {}

  /** Lists them. */
  @Command(name = "list", description = "list shims: who lives in them, and their version")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the shim id")
    boolean quiet;

    @Override
    protected int run(Session session) {
      ListShimsResponse all =
          session
              .bounded(ShimsGrpc.newBlockingStub(session.bare()))
              .list(ListShimsRequest.getDefaultInstance());
      if (session.json()) {
        JsonArray list = new JsonArray();
        all.getShimsList().forEach(one -> list.add(tree(one, all.getInstalledVersion())));
        session.print(list);
        return 0;
      }
      Table table = Table.wide("SHIM", "PID", "STATE", "VERSION", "PODS", "TASKS", "MEMORY");
      for (Shim one : all.getShimsList()) {
        if (quiet) {
          session.println(one.getId());
        }
        boolean current = one.getVersion().equals(all.getInstalledVersion());
        table.row(
            one.getId(),
            one.getPid() == 0 ? "-" : Integer.toUnsignedString(one.getPid()),
            one.getState(),
            current ? one.getVersion() : one.getVersion() + " (not the installed one)",
            one.getOwnersCount(),
            one.getTasks(),
            String.format(java.util.Locale.ROOT, "%.1f MiB", one.getMemoryBytes() / 1048576.0));
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  private static JsonObject tree(Shim one, String installed) {
    JsonObject tree = new JsonObject();
    tree.addProperty("ID", one.getId());
    tree.addProperty("Pid", one.getPid());
    tree.addProperty("State", one.getState());
    tree.addProperty("Version", one.getVersion());
    tree.addProperty("InstalledVersion", installed);
    tree.add("Owners", Trees.of(one.getOwnersList()));
    tree.addProperty("Tasks", one.getTasks());
    tree.addProperty("MemoryBytes", one.getMemoryBytes());
    tree.addProperty("Reason", one.getReason());
    return tree;
  }

  /** Replaces running shims by ones of the installed version. */
  @Command(
      name = "upgrade",
      description = {
        "replace shims by ones of the installed version, under running containers",
        "Without ids: every shim that is not of the installed version."
      })
  public static final class Upgrade extends Verb {
    @Option(names = "--all", description = "also those that are of the installed version already")
    boolean all;

    @Parameters(arity = "0..*", paramLabel = "SHIM")
    List<String> ids = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Iterator<UpgradeOutcome> outcomes =
          session
              .patient(ShimsGrpc.newBlockingStub(session.bare()))
              .upgrade(UpgradeShimsRequest.newBuilder().addAllIds(ids).setAll(all).build());
      JsonArray list = new JsonArray();
      int code = 0;
      while (outcomes.hasNext()) {
        UpgradeOutcome one = outcomes.next();
        JsonObject tree = new JsonObject();
        tree.addProperty("ID", one.getId());
        tree.addProperty("Successor", one.getSuccessor());
        tree.addProperty("Refusal", one.getRefusal());
        list.add(tree);
        code = one.getRefusal().isEmpty() ? code : 1;
        if (!session.json()) {
          session.println(sentence(one));
        }
      }
      if (session.json()) {
        session.print(list);
      }
      return code;
    }

    private static String sentence(UpgradeOutcome one) {
      if (!one.getRefusal().isEmpty()) {
        return one.getId() + " goes on: " + one.getRefusal();
      }
      return one.getSuccessor().isEmpty()
          ? one.getId() + " held nothing and was ended"
          : one.getId() + " was replaced by " + one.getSuccessor();
    }
  }

  /** Shows and changes how a container's log is written. */
  @Command(
      name = "log",
      description = {
        "show, or change, how the log of a running container is written",
        "A change holds from the next entry on, until the task ends."
      })
  public static final class Log extends Verb {
    @Option(
        names = "--max-line-bytes",
        paramLabel = "N",
        description = "cut longer lines in parts; 0 for never")
    Optional<Long> maxLineBytes = Optional.empty();

    @Option(
        names = "--bytes-per-second",
        paramLabel = "N",
        description = "let the container write no faster; it waits, nothing is dropped; 0 lifts it")
    Optional<Long> bytesPerSecond = Optional.empty();

    @Option(
        names = "--max-file-bytes",
        paramLabel = "N",
        description = "rotate the log at that size, to LOG.1 and on; 0 for never")
    Optional<Long> maxFileBytes = Optional.empty();

    @Option(
        names = "--max-files",
        paramLabel = "N",
        description = "keep that many files of a log that is rotated so, from 2")
    Optional<Long> maxFiles = Optional.empty();

    @Parameters(paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      SetLogRequest.Builder request =
          SetLogRequest.newBuilder().setNamespace(session.namespace()).setContainerId(id);
      maxLineBytes.ifPresent(request::setMaxLineBytes);
      bytesPerSecond.ifPresent(request::setBytesPerSecond);
      maxFileBytes.ifPresent(request::setMaxFileBytes);
      maxFiles.ifPresent(request::setMaxFiles);
      SetLogResponse now =
          session.bounded(ShimsGrpc.newBlockingStub(session.bare())).setLog(request.build());
      if (session.json()) {
        JsonObject tree = new JsonObject();
        tree.addProperty("MaxLineBytes", now.getMaxLineBytes());
        tree.addProperty("BytesPerSecond", now.getBytesPerSecond());
        tree.addProperty("MaxFileBytes", now.getMaxFileBytes());
        tree.addProperty("MaxFiles", now.getMaxFiles());
        session.print(tree);
        return 0;
      }
      Table table = Table.wide("MAX LINE", "BYTES/S", "MAX FILE", "FILES");
      table.row(
          now.getMaxLineBytes(), now.getBytesPerSecond(), now.getMaxFileBytes(), now.getMaxFiles());
      table.print(session.out());
      return 0;
    }
  }
}

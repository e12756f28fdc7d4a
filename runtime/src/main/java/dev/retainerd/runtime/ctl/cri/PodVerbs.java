package dev.retainerd.runtime.ctl.cri;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxResponse;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.RemovePodSandboxRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import dev.retainerd.wire.cri.v1.StopPodSandboxRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl pods}, and the same verbs under crictl's names. */
public final class PodVerbs {

  private PodVerbs() {}

  /** Lists them. */
  @Command(name = "list", description = "list pods")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the ids")
    boolean quiet;

    @Option(names = "--name", defaultValue = "", description = "only pods of this name")
    String name;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      ListPodSandboxResponse all =
          Cri.runtime(session).listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
      if (session.json()) {
        Cri.print(session, all);
        return 0;
      }
      Table table =
          Table.cri("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME");
      for (PodSandbox pod : all.getItemsList()) {
        if (!name.isEmpty() && !pod.getMetadata().getName().equals(name)) {
          continue;
        }
        if (quiet) {
          session.println(pod.getId());
        }
        table.row(
            Phrases.shortId(pod.getId()),
            Times.ago(pod.getCreatedAt()),
            pod.getState() == PodSandboxState.SANDBOX_READY ? "Ready" : "NotReady",
            pod.getMetadata().getName(),
            pod.getMetadata().getNamespace(),
            pod.getMetadata().getAttempt(),
            pod.getRuntimeHandler().isEmpty() ? "(default)" : pod.getRuntimeHandler());
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Runs one. */
  @Command(name = "run", description = "run a pod from a JSON config")
  public static final class Run extends Verb {
    @Option(
        names = {"-r", "--runtime"},
        defaultValue = "",
        paramLabel = "HANDLER",
        description = "runtime handler to use")
    String handler;

    @Parameters(index = "0", paramLabel = "POD-CONFIG.json")
    Path config;

    @Override
    protected int run(Session session) throws IOException {
      PodSandboxConfig pod = Cri.read(config, PodSandboxConfig.newBuilder()).build();
      session.println(
          Cri.runtime(session)
              .runPodSandbox(
                  RunPodSandboxRequest.newBuilder()
                      .setConfig(pod)
                      .setRuntimeHandler(handler)
                      .build())
              .getPodSandboxId());
      return 0;
    }
  }

  /** Shows some. */
  @Command(name = "inspect", description = "show the status of one or more pods")
  public static final class Inspect extends Verb {
    @Parameters(arity = "1..*", paramLabel = "POD")
    List<String> ids;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      for (String id : ids) {
        Cri.print(
            session,
            Cri.runtime(session)
                .podSandboxStatus(
                    PodSandboxStatusRequest.newBuilder()
                        .setPodSandboxId(Cri.pod(session, id))
                        .setVerbose(true)
                        .build()));
      }
      return 0;
    }
  }

  /** Stops some. */
  @Command(name = "stop", description = "stop one or more running pods")
  public static final class Stop extends Verb {
    @Parameters(arity = "1..*", paramLabel = "POD")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            String pod = Cri.pod(session, id);
            stop(session, pod);
            session.println("Stopped pod " + pod);
          });
    }
  }

  private static void stop(Session session, String pod) {
    Cri.runtime(session)
        .stopPodSandbox(StopPodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
  }

  /** Removes some. */
  @Command(name = "remove", description = "remove one or more pods")
  public static final class Rm extends Verb {
    @Option(
        names = {"-f", "--force"},
        description = "stop them first")
    boolean force;

    @Parameters(arity = "1..*", paramLabel = "POD")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            String pod = Cri.pod(session, id);
            if (force) {
              stop(session, pod);
            }
            Cri.runtime(session)
                .removePodSandbox(
                    RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
            session.println("Removed pod " + pod);
          });
    }
  }
}

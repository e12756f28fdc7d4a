package dev.retainerd.shim;

import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.ExitJournal;
import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.output.Undelivered;
import dev.retainerd.shim.posix.Processes;
import dev.retainerd.shim.process.Reaper;
import dev.retainerd.shim.protocol.TtrpcServer;
import dev.retainerd.shim.service.EventPublisher;
import dev.retainerd.shim.service.ShimService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A serving shim: a session leader and subreaper in a folder of its own, deaf to hang-ups, that
 * ends only when it is told to and holds nothing.
 */
final class ShimServer {
  private static final String DEFAULT_RUNTIME_ROOT = "/run/containerd/runc";
  private static final String DEFAULT_UNDELIVERED = "/run/containerd-shim-retain/undelivered";
  private static final long RUNTIME_MILLIS = 60_000;
  private static final long LAST_ANSWER_MILLIS = 50;
  private static final long LAST_EVENTS_MILLIS = 2_000;

  private ShimServer() {}

  static void serve(ShimArguments arguments) throws IOException {
    Path socket = Path.of(arguments.required("socket")).toAbsolutePath();
    Path folder = Path.of(arguments.required("dir")).toAbsolutePath();
    Files.createDirectories(folder);
    Processes.leaveSession();
    Processes.becomeSubreaper();
    Processes.changeFolder(folder.toString());
    Processes.ignore(Processes.SIGHUP);
    Processes.ignore(Processes.SIGPIPE);

    String ttrpcAddress = arguments.value("ttrpc-address");
    EventLoop loop = new EventLoop();
    Reaper reaper = new Reaper();
    ExitJournal journal = new ExitJournal();
    EventPublisher publisher =
        EventPublisher.start(ttrpcAddress.isEmpty() ? null : Path.of(ttrpcAddress));
    String root = arguments.value("runtime-root");
    Undelivered undelivered = new Undelivered(loop, undelivered(arguments));
    Containers containers =
        new Containers(
            loop,
            reaper,
            journal,
            publisher,
            undelivered,
            root.isEmpty() ? DEFAULT_RUNTIME_ROOT : root,
            runtimePatience(arguments.value("runtime-timeout")));
    if (!arguments.value("holder").isEmpty()) {
      containers.holdAt(Path.of(arguments.value("holder")).toAbsolutePath());
    }
    reaper.start();
    undelivered.begin();
    String namespace = arguments.value("namespace");
    TtrpcServer[] server = new TtrpcServer[1];
    ShimService service =
        new ShimService(
            containers,
            journal,
            namespace.isEmpty() ? "default" : namespace,
            ShimMain.VERSION,
            () -> end(server, publisher, containers));
    server[0] = TtrpcServer.serve(socket, service);
    Files.writeString(folder.resolve("pid"), ProcessHandle.current().pid() + "\n");
  }

  private static Path undelivered(ShimArguments arguments) {
    String folder = arguments.value("undelivered");
    return Path.of(folder.isEmpty() ? DEFAULT_UNDELIVERED : folder).toAbsolutePath();
  }

  private static Duration runtimePatience(String millis) {
    try {
      long value = millis.isEmpty() ? RUNTIME_MILLIS : Long.parseLong(millis);
      if (value > 0) {
        return Duration.ofMillis(value);
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "the option --runtime-timeout is a number of milliseconds above 0, not " + millis);
  }

  /** The answer to the call that ends us is to be out before we are. */
  private static void end(TtrpcServer[] server, EventPublisher publisher, Containers containers) {
    Thread thread =
        new Thread(
            () -> {
              publisher.finish(LAST_EVENTS_MILLIS);
              containers.endHelp();
              try {
                Thread.sleep(LAST_ANSWER_MILLIS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              server[0].close();
              System.exit(0);
            },
            "end");
    thread.start();
  }
}

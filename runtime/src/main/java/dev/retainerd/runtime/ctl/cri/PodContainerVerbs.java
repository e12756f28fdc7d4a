package dev.retainerd.runtime.ctl.cri;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListContainersResponse;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.RemoveContainerRequest;
import dev.retainerd.wire.cri.v1.StartContainerRequest;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Containers of pods, in crictl's words. */
public final class PodContainerVerbs {

  private PodContainerVerbs() {}

  /** Lists them. */
  @Command(name = "ps", description = "list containers of pods")
  public static final class Ps extends Verb {
    @Option(
        names = {"-a", "--all"},
        description = "those that do not run as well")
    boolean all;

    @Option(
        names = {"-q", "--quiet"},
        description = "print only the ids")
    boolean quiet;

    @Option(
        names = {"-p", "--pod"},
        defaultValue = "",
        description = "only of this pod")
    String pod;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      ListContainersResponse found =
          Cri.runtime(session).listContainers(ListContainersRequest.getDefaultInstance());
      if (session.json()) {
        Cri.print(session, found);
        return 0;
      }
      Map<String, String> pods = new HashMap<>();
      for (PodSandbox one :
          Cri.runtime(session)
              .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
              .getItemsList()) {
        pods.put(one.getId(), one.getMetadata().getName());
      }
      Table table =
          Table.cri("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD");
      for (Container one : found.getContainersList()) {
        boolean runs = one.getState() == ContainerState.CONTAINER_RUNNING;
        if ((!all && !runs) || !one.getPodSandboxId().startsWith(pod)) {
          continue;
        }
        if (quiet) {
          session.println(one.getId());
        }
        table.row(
            Phrases.shortId(one.getId()),
            one.getImage().getImage().isEmpty() ? one.getImageRef() : one.getImage().getImage(),
            Times.ago(one.getCreatedAt()),
            state(one.getState()),
            one.getMetadata().getName(),
            one.getMetadata().getAttempt(),
            Phrases.shortId(one.getPodSandboxId()),
            pods.getOrDefault(one.getPodSandboxId(), "unknown"));
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }

    private static String state(ContainerState state) {
      return switch (state) {
        case CONTAINER_CREATED -> "Created";
        case CONTAINER_RUNNING -> "Running";
        case CONTAINER_EXITED -> "Exited";
        case CONTAINER_UNKNOWN, UNRECOGNIZED -> "Unknown";
      };
    }
  }

  /** Creates one. */
  @Command(name = "create", description = "create a container in a pod from JSON configs")
  public static final class Create extends Verb {
    @Parameters(index = "0", paramLabel = "POD")
    String pod;

    @Parameters(index = "1", paramLabel = "CONTAINER-CONFIG.json")
    Path config;

    @Parameters(index = "2", paramLabel = "POD-CONFIG.json")
    Path podConfig;

    @Override
    protected int run(Session session) throws IOException {
      session.println(
          Cri.runtime(session)
              .createContainer(
                  CreateContainerRequest.newBuilder()
                      .setPodSandboxId(Cri.pod(session, pod))
                      .setConfig(Cri.read(config, ContainerConfig.newBuilder()))
                      .setSandboxConfig(Cri.read(podConfig, PodSandboxConfig.newBuilder()))
                      .build())
              .getContainerId());
      return 0;
    }
  }

  /** Starts some. */
  @Command(name = "start", description = "start one or more created containers")
  public static final class Start extends Verb {
    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            Cri.runtime(session)
                .startContainer(
                    StartContainerRequest.newBuilder()
                        .setContainerId(Cri.container(session, id))
                        .build());
            session.println(id);
          });
    }
  }

  /** Stops some. */
  @Command(name = "stop", description = "stop one or more running containers")
  public static final class Stop extends Verb {
    @Option(
        names = {"-t", "--timeout"},
        defaultValue = "0",
        description = "seconds to wait before they are killed")
    long seconds;

    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            Cri.patient(session)
                .stopContainer(
                    StopContainerRequest.newBuilder()
                        .setContainerId(Cri.container(session, id))
                        .setTimeout(seconds)
                        .build());
            session.println(id);
          });
    }
  }

  /** Removes some. */
  @Command(name = "rm", description = "remove one or more containers")
  public static final class Rm extends Verb {
    @Option(
        names = {"-f", "--force"},
        description = "stop them first")
    boolean force;

    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          ids,
          id -> {
            String container = Cri.container(session, id);
            if (force) {
              Cri.patient(session)
                  .stopContainer(
                      StopContainerRequest.newBuilder().setContainerId(container).build());
            }
            Cri.runtime(session)
                .removeContainer(
                    RemoveContainerRequest.newBuilder().setContainerId(container).build());
            session.println(id);
          });
    }
  }

  /** Shows some. */
  @Command(name = "inspect", description = "show the status of one or more containers")
  public static final class Inspect extends Verb {
    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      for (String id : ids) {
        Cri.print(
            session,
            Cri.runtime(session)
                .containerStatus(
                    ContainerStatusRequest.newBuilder()
                        .setContainerId(Cri.container(session, id))
                        .setVerbose(true)
                        .build()));
      }
      return 0;
    }
  }

  /** Runs a command in one and waits. */
  @Command(name = "exec", description = "run a command in a running container, synchronously")
  public static final class Exec extends Verb {
    @Option(
        names = {"-s", "--sync"},
        description = "accepted for crictl's sake: it always is")
    boolean sync;

    @Option(
        names = "--timeout",
        defaultValue = "0",
        description = "seconds the command may take; 0: any")
    long seconds;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "COMMAND")
    List<String> command;

    @Override
    protected int run(Session session) throws IOException {
      ExecSyncResponse answer =
          Cri.patient(session)
              .execSync(
                  ExecSyncRequest.newBuilder()
                      .setContainerId(Cri.container(session, id))
                      .addAllCmd(command)
                      .setTimeout(seconds)
                      .build());
      answer.getStdout().writeTo(session.out());
      session.out().flush();
      answer.getStderr().writeTo(System.err);
      return answer.getExitCode();
    }
  }
}

package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.ctl.record.ContainerVerbs;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteProcessRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteResponse;
import dev.retainerd.wire.containerd.services.tasks.v1.DeleteTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.KillRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListPidsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ListTasksRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.MetricsRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.PauseTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.ResumeTaskRequest;
import dev.retainerd.wire.containerd.services.tasks.v1.TasksGrpc;
import dev.retainerd.wire.containerd.services.tasks.v1.WaitRequest;
import dev.retainerd.wire.containerd.types.Metric;
import dev.retainerd.wire.containerd.v1.types.Process;
import dev.retainerd.wire.containerd.v1.types.ProcessInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl tasks}: the verbs that need no terminal. */
public final class TaskVerbs {
  private static final int SIGKILL = 9;
  private static final int SIGTERM = 15;
  private static final long FORCED_END_SECONDS = 30;

  private TaskVerbs() {}

  static TasksGrpc.TasksBlockingStub stub(Session session) {
    return session.bounded(TasksGrpc.newBlockingStub(session.channel()));
  }

  /** Lists them. */
  @Command(name = "list", description = "list tasks")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the task id")
    boolean quiet;

    @Override
    protected int run(Session session) {
      List<Process> all = stub(session).list(ListTasksRequest.getDefaultInstance()).getTasksList();
      JsonArray list = new JsonArray();
      Table table = Table.wide("TASK", "PID", "STATUS");
      for (Process one : all) {
        if (quiet) {
          session.println(one.getId());
        }
        table.row(one.getId(), one.getPid(), one.getStatus());
        JsonObject tree = new JsonObject();
        tree.addProperty("Task", one.getId());
        tree.addProperty("Pid", one.getPid());
        tree.addProperty("Status", one.getStatus().name());
        tree.addProperty("ExitStatus", one.getExitStatus());
        if (one.getExitedAt().getSeconds() > 0) {
          tree.addProperty("ExitedAt", Times.rfc3339(one.getExitedAt()));
        }
        list.add(tree);
      }
      if (session.json()) {
        session.print(list);
      } else if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Sends a signal. */
  @Command(name = "kill", description = "signal a container (default: SIGTERM)")
  public static final class Kill extends Verb {
    @Option(
        names = {"-s", "--signal"},
        defaultValue = "",
        paramLabel = "SIGNAL",
        description = "signal to send to the container")
    String signal;

    @Option(names = "--exec-id", defaultValue = "", description = "process ID to kill")
    String execId;

    @Option(
        names = {"-a", "--all"},
        description = "send signal to all processes inside the container")
    boolean all;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      stub(session)
          .kill(
              KillRequest.newBuilder()
                  .setContainerId(id)
                  .setExecId(execId)
                  .setSignal(number(session))
                  .setAll(all)
                  .build());
      return 0;
    }

    /** As ctr does: the image's stop signal, which create wrote down as a label. */
    private int number(Session session) {
      if (!signal.isEmpty()) {
        return signal(signal);
      }
      String stop =
          ContainerVerbs.get(session, id).getLabelsOrDefault(Images.STOP_SIGNAL_LABEL, "");
      return stop.isEmpty() ? SIGTERM : signal(stop);
    }
  }

  static int signal(String text) {
    try {
      return Phrases.signalNumber(text);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(e.getMessage());
    }
  }

  /** Deletes some. */
  @Command(name = "delete", description = "delete one or more tasks")
  public static final class Rm extends Verb {
    @Option(
        names = {"-f", "--force"},
        description = "force delete task process")
    boolean force;

    @Option(names = "--exec-id", defaultValue = "", description = "process ID to kill")
    String execId;

    @Parameters(arity = "1..*", paramLabel = "CONTAINER")
    List<String> ids;

    private int code;

    @Override
    protected int run(Session session) {
      int failures = Trees.each(session, ids, id -> delete(session, id));
      return failures > 0 ? failures : code;
    }

    private void delete(Session session, String id) {
      if (force) {
        kill(session, id, execId);
      }
      DeleteResponse gone =
          execId.isEmpty()
              ? stub(session).delete(DeleteTaskRequest.newBuilder().setContainerId(id).build())
              : stub(session)
                  .deleteProcess(
                      DeleteProcessRequest.newBuilder()
                          .setContainerId(id)
                          .setExecId(execId)
                          .build());
      // ctr's way: an exec's status becomes ours, a task's is only told.
      if (gone.getExitStatus() != 0 && !execId.isEmpty()) {
        code = gone.getExitStatus();
      } else if (gone.getExitStatus() != 0) {
        System.err.println("task " + id + " had exited with code " + gone.getExitStatus());
      }
    }
  }

  /** Kills a process for good and waits until it is gone. */
  static void kill(Session session, String id, String execId) {
    try {
      stub(session)
          .kill(
              KillRequest.newBuilder()
                  .setContainerId(id)
                  .setExecId(execId)
                  .setSignal(SIGKILL)
                  .setAll(execId.isEmpty())
                  .build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.FAILED_PRECONDITION) {
        // It has no process, so there is no end to wait for.
        return;
      }
      if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
        throw e;
      }
    }
    TasksGrpc.newBlockingStub(session.channel())
        .withDeadlineAfter(FORCED_END_SECONDS, TimeUnit.SECONDS)
        .wait(WaitRequest.newBuilder().setContainerId(id).setExecId(execId).build());
  }

  /** Lists its processes. */
  @Command(name = "ps", description = "list processes for container")
  public static final class Ps extends Verb {
    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      Table table = Table.wide("PID", "INFO");
      for (ProcessInfo one :
          stub(session)
              .listPids(ListPidsRequest.newBuilder().setContainerId(id).build())
              .getProcessesList()) {
        table.row(one.getPid(), one.hasInfo() ? Trees.of(one.getInfo()) : "-");
      }
      table.print(session.out());
      return 0;
    }
  }

  /** Freezes it. */
  @Command(name = "pause", description = "pause an existing container")
  public static final class Pause extends Verb {
    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      stub(session).pause(PauseTaskRequest.newBuilder().setContainerId(id).build());
      return 0;
    }
  }

  /** Thaws it. */
  @Command(name = "resume", description = "resume a paused container")
  public static final class Resume extends Verb {
    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) {
      stub(session).resume(ResumeTaskRequest.newBuilder().setContainerId(id).build());
      return 0;
    }
  }

  /** Shows what it uses. */
  @Command(name = "metrics", description = "get a single data point of metrics for a task")
  public static final class Metrics extends Verb {
    @Option(names = "--format", defaultValue = "table", description = "\"table\" or \"json\"")
    String format;

    @Parameters(index = "0", paramLabel = "CONTAINER")
    String id;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      List<Metric> metrics =
          stub(session)
              .metrics(MetricsRequest.newBuilder().addFilters("id==" + id).build())
              .getMetricsList();
      if (metrics.isEmpty()) {
        throw CommandFailure.of(
            "there are no metrics for "
                + id
                + ": it has no task in namespace "
                + session.namespace());
      }
      Metric metric = metrics.getFirst();
      Map<String, Object> tree = new PayloadJson(false).tree(figures(metric));
      if (session.json() || format.equals("json")) {
        session.print(Trees.ofObject(tree));
        return 0;
      }
      Table head = Table.narrow("ID", "TIMESTAMP");
      head.row(metric.getId(), Times.rfc3339(metric.getTimestamp())).print(session.out());
      session.println("");
      Table table = Table.narrow("METRIC", "VALUE");
      Map<String, Object> flat = new TreeMap<>();
      flatten("", tree, flat);
      flat.forEach(table::row);
      table.print(session.out());
      return 0;
    }

    private static com.google.protobuf.Message figures(Metric metric)
        throws InvalidProtocolBufferException {
      String type = metric.getData().getTypeUrl();
      if (type.endsWith("io.containerd.cgroups.v1.Metrics")) {
        return dev.retainerd.wire.containerd.cgroups.v1.Metrics.parseFrom(
            metric.getData().getValue());
      }
      if (type.endsWith("io.containerd.cgroups.v2.Metrics")) {
        return dev.retainerd.wire.containerd.cgroups.v2.Metrics.parseFrom(
            metric.getData().getValue());
      }
      throw CommandFailure.of("metrics of type " + type + " are not known to retainctl");
    }

    private static void flatten(String prefix, Object value, Map<String, Object> into) {
      switch (value) {
        case Map<?, ?> map ->
            map.forEach(
                (key, inner) ->
                    flatten(prefix.isEmpty() ? "" + key : prefix + "." + key, inner, into));
        case List<?> list -> into.put(prefix, list);
        default -> into.put(prefix, value);
      }
    }
  }
}

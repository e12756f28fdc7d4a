package dev.retainerd.store.words;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ExitSource;
import dev.retainerd.eventlog.proto.TaskExitedPayload;
import dev.retainerd.eventlog.proto.TaskStoppingPayload;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Why a thing is as it is: a verdict, its reasons, and the events that prove them. It is told the
 * events that {@link Life} picks, in order; it keeps what it may need of the last run only. Not
 * thread-safe.
 */
public final class Explanation {
  private static final int SIGKILL = 9;

  /** How long before an exit a signal still counts as its likely cause. */
  private static final long SIGNAL_WINDOW_NANOS = 5_000_000_000L;

  private final String id;
  private final List<Told> evidence = new ArrayList<>();
  private Optional<Told> daemon = Optional.empty();
  private Optional<Told> record = Optional.empty();
  private Optional<Told> last = Optional.empty();
  private Optional<Told> started = Optional.empty();
  private Optional<Told> failed = Optional.empty();
  private Optional<Told> stopping = Optional.empty();
  private Optional<Told> signalled = Optional.empty();
  private Optional<Told> oom = Optional.empty();
  private Optional<Told> podStopping = Optional.empty();
  private Optional<Told> podEnded = Optional.empty();
  private Optional<Told> exited = Optional.empty();

  /** Explains the thing of that id. */
  public Explanation(String id) {
    this.id = id;
  }

  /** Takes the next event of its life. */
  public void add(Told told) {
    boolean own = Life.isAbout(told.envelope().subject(), id);
    if (own) {
      last = Optional.of(told);
    }
    switch (told.event()) {
      case Event.DaemonStarted e -> daemon = Optional.of(told);
      case Event.SandboxStopping e -> podStopping = Optional.of(told);
      case Event.SandboxEnded e -> podEnded = Optional.of(told);
      case Event.ContainerCreating e when own -> begin(told);
      case Event.ContainerCreated e when own -> record = Optional.of(record.orElse(told));
      case Event.TaskCreating e when own -> beginRun();
      case Event.TaskStarted e when own -> keep(started = Optional.of(told));
      case Event.TaskCreateFailed e when own -> keep(failed = Optional.of(told));
      case Event.TaskStartFailed e when own -> keep(failed = Optional.of(told));
      case Event.ContainerCreateFailed e when own -> keep(failed = Optional.of(told));
      case Event.SandboxCreateFailed e when own -> keep(failed = Optional.of(told));
      case Event.ImagePullFailed e when own -> keep(failed = Optional.of(told));
      case Event.TaskStopping e when own -> keep(stopping = Optional.of(told));
      case Event.TaskSignalled e when own && e.payload().getExecId().isEmpty() ->
          keep(signalled = Optional.of(told));
      case Event.TaskOom e when own -> keep(oom = Optional.of(told));
      case Event.TaskExited e when own -> keep(exited = Optional.of(told));
      default -> {}
    }
  }

  private void begin(Told told) {
    record = Optional.of(told);
    beginRun();
  }

  private void beginRun() {
    evidence.clear();
    started = Optional.empty();
    failed = Optional.empty();
    stopping = Optional.empty();
    signalled = Optional.empty();
    oom = Optional.empty();
    podStopping = Optional.empty();
    podEnded = Optional.empty();
    exited = Optional.empty();
  }

  private void keep(Optional<Told> told) {
    told.ifPresent(evidence::add);
  }

  /** The verdict, its reasons and its proof, a line each; never empty. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    if (exited.isPresent()) {
      explainExit(lines, exited.get());
    } else if (failed.isPresent()) {
      lines.add(failed.get().sentence());
      lines.add("asked for by " + asker(failed.get()));
    } else if (started.isPresent()) {
      lines.add(started.get().sentence() + " since " + started.get().time());
      lines.add("started by " + asker(started.get()));
      stopping.ifPresent(
          s ->
              lines.add(
                  "a stop was asked for at " + s.time() + " by " + asker(s) + ": " + words(s)));
    } else if (last.isPresent()) {
      lines.add(last.get().sentence() + " at " + last.get().time());
      lines.add("done by " + asker(last.get()));
      keep(last);
    } else {
      lines.add("the history knows nothing of " + id);
    }
    proof(lines);
    return lines;
  }

  private void explainExit(List<String> lines, Told exit) {
    TaskExitedPayload p = ((Event.TaskExited) exit.event()).payload();
    String ran =
        started
            .map(s -> ", after running " + Phrases.duration(p.getExitedAtNanos() - startNanos(s)))
            .orElse("");
    lines.add(
        "container "
            + Phrases.shortId(id)
            + name()
            + " "
            + Phrases.ended(p.getStatus(), ExitSource.EXIT_SOURCE_UNSPECIFIED, "")
            + " at "
            + Told.instant(p.getExitedAtNanos())
            + ran);
    lines.add("why: " + cause(p, exit));
    lines.add("how it is known: " + source(p, exit));
  }

  private String name() {
    return record
        .map(Told::event)
        .map(
            event ->
                switch (event) {
                  case Event.ContainerCreating e -> e.payload().getContainer().getCri().getName();
                  case Event.ContainerCreated e -> e.payload().getContainer().getCri().getName();
                  default -> "";
                })
        .filter(name -> !name.isEmpty())
        .map(name -> " (" + name + ")")
        .orElse("");
  }

  private static long startNanos(Told start) {
    return ((Event.TaskStarted) start.event()).payload().getStartedAtNanos();
  }

  private String cause(TaskExitedPayload p, Told exit) {
    if (p.getSource() == ExitSource.EXIT_SOURCE_UNKNOWN) {
      return "nobody knows; " + (p.getReason().isEmpty() ? "no reason was noted" : p.getReason());
    }
    if (oom.isPresent()) {
      return "it ran out of its memory limit (event "
          + oom.get().sequence()
          + "), and the kernel ended it";
    }
    if (stopping.isPresent()) {
      return stopped(p, stopping.get());
    }
    boolean recent =
        signalled.isPresent()
            && p.getExitedAtNanos() - signalled.get().envelope().wallNanos() < SIGNAL_WINDOW_NANOS;
    if (recent) {
      Told s = signalled.get();
      int number = ((Event.TaskSignalled) s.event()).payload().getSignal();
      return Phrases.signal(number) + " was sent at " + s.time() + " by " + asker(s);
    }
    boolean withPause =
        p.getStatus() == 128 + SIGKILL
            && podEnded
                .map(e -> Math.abs(p.getExitedAtNanos() - e.envelope().wallNanos()))
                .filter(apart -> apart < SIGNAL_WINDOW_NANOS)
                .isPresent();
    if (withPause) {
      return "the process that held the pid namespace of its pod ended (event "
          + podEnded.get().sequence()
          + "), and the kernel ended all in it";
    }
    if (podStopping.isPresent()) {
      return "its pod was being stopped, asked for by " + asker(podStopping.get());
    }
    String how =
        p.getStatus() > 128 && p.getStatus() <= 192
            ? Phrases.signal(p.getStatus() - 128)
                + " came from outside: neither a client nor the daemon had sent it, and no memory"
                + " limit was hit"
            : "of its own accord: nobody had asked it to stop, no signal was sent through the"
                + " daemon, and no memory limit was hit";
    return how + Phrases.because(p.getReason());
  }

  private static String stopped(TaskExitedPayload p, Told stop) {
    TaskStoppingPayload asked = ((Event.TaskStopping) stop.event()).payload();
    String by = "a stop was asked for at " + stop.time() + " by " + asker(stop) + ": ";
    boolean late =
        p.getStatus() == 128 + SIGKILL
            && asked.getSignal() != SIGKILL
            && asked.getGraceMillis() > 0;
    return late
        ? by
            + Phrases.signal(asked.getSignal())
            + " did not end it within "
            + Phrases.duration(asked.getGraceMillis() * 1_000_000)
            + ", so SIGKILL followed"
        : by + Phrases.signal(asked.getSignal()) + " was sent";
  }

  private static String words(Told stop) {
    return Phrases.signal(((Event.TaskStopping) stop.event()).payload().getSignal());
  }

  private String source(TaskExitedPayload p, Told exit) {
    String how =
        switch (p.getSource()) {
          case EXIT_SOURCE_SHIM -> "its shim reaped it";
          case EXIT_SOURCE_RECORD -> "its shim had written it down, and it was read afterwards";
          case EXIT_SOURCE_PIN -> "the kernel still knew it through the pinned pidfd";
          case EXIT_SOURCE_UNKNOWN -> "the kernel no longer knows it; the code is a stand-in";
          case EXIT_SOURCE_UNSPECIFIED, UNRECOGNIZED -> "the event does not say how";
        };
    boolean unattended =
        daemon.isPresent() && daemon.get().envelope().wallNanos() > p.getExitedAtNanos();
    return unattended
        ? how
            + "; no daemon lived at that moment, the one that started at "
            + daemon.get().time()
            + " learned of it "
            + Phrases.duration(exit.envelope().wallNanos() - p.getExitedAtNanos())
            + " later"
        : how;
  }

  private static String asker(Told told) {
    String request = told.envelope().requestId();
    return told.by() + (request.isEmpty() ? "" : ", request " + request);
  }

  private void proof(List<String> lines) {
    for (Told told : evidence) {
      lines.add("  event " + told.sequence() + "  " + told.time() + "  " + told.sentence());
    }
  }
}

package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.Processes;
import dev.retainerd.bench.scenario.Pods;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ContainerStatus;
import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.StopContainerRequest;
import io.grpc.StatusRuntimeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * A container that prints 1, 2, 3 ... a hundred times a second, until it is asked to end: then it
 * prints how far it came and exits with 7. Whatever is missing in its log, or there twice, was
 * lost, or invented, by the runtime.
 */
final class Counter {
  private static final int EXIT_CODE = 7;
  private static final int GRACE_SECONDS = 10;
  private static final String SCRIPT =
      "i=0; trap 'echo end $i; exit 7' TERM;"
          + " while :; do i=$((i+1)); echo line $i; busybox usleep 10000; done";

  private final Pods pods;
  private final int number;
  private final String marker;
  private final String pod;
  private final String container;

  private Counter(Pods pods, int number, String marker, String pod, String container) {
    this.pods = pods;
    this.number = number;
    this.marker = marker;
    this.pod = pod;
    this.container = container;
  }

  static Counter start(Pods pods, int number) {
    String pod = pods.run(number);
    String marker = "counter-" + ProcessHandle.current().pid() + "-" + number;
    String container =
        pods.create(pod, number, "counter", List.of("/bin/sh", "-c", SCRIPT, marker));
    pods.start(container);
    return new Counter(pods, number, marker, pod, container);
  }

  String pod() {
    return pod;
  }

  /** Its process on the host; -1 when it is gone. */
  long process() {
    return Processes.withCommandLine(marker).stream()
        .filter(pid -> Processes.commandLine(pid).startsWith("/bin/sh"))
        .findFirst()
        .orElse(-1L);
  }

  /** Whether it is listed as running and its log grows. */
  boolean isWell() throws InterruptedException {
    if (status().getState() != ContainerState.CONTAINER_RUNNING) {
      return false;
    }
    long before = log().toFile().length();
    for (int i = 0; i < 20; i++) {
      if (log().toFile().length() > before) {
        return true;
      }
      Thread.sleep(10);
    }
    return false;
  }

  private ContainerStatus status() {
    return pods.client()
        .cri()
        .containerStatus(ContainerStatusRequest.newBuilder().setContainerId(container).build())
        .getStatus();
  }

  private Path log() {
    return pods.logs(number).resolve("counter.log");
  }

  /** Ends it and says what is not as it should be; adds the lines it found to {@code lines}. */
  List<String> audit(List<Long> lines) {
    List<String> lost = new ArrayList<>();
    if (process() < 0) {
      lost.add("container " + number + " died");
    }
    try {
      pods.client()
          .cri()
          .stopContainer(
              StopContainerRequest.newBuilder()
                  .setContainerId(container)
                  .setTimeout(GRACE_SECONDS)
                  .build());
      int code = status().getExitCode();
      if (code != EXIT_CODE) {
        lost.add("container " + number + ": exit code " + code + " instead of " + EXIT_CODE);
      }
    } catch (StatusRuntimeException e) {
      lost.add("container " + number + " could not be stopped: " + e.getMessage());
    }
    try {
      readLog(lost, lines);
    } catch (IOException e) {
      lost.add("container " + number + ": its log can't be read: " + e.getMessage());
    }
    return lost;
  }

  private void readLog(List<String> lost, List<Long> lines) throws IOException {
    TreeSet<Long> seen = new TreeSet<>();
    long doubled = 0;
    long garbled = 0;
    long end = -1;
    StringBuilder partial = new StringBuilder();
    try (BufferedReader in = Files.newBufferedReader(log(), StandardCharsets.ISO_8859_1)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] fields = line.split(" ", 4);
        if (fields.length < 4) {
          garbled++;
          continue;
        }
        partial.append(fields[3]);
        if (fields[2].equals("P")) {
          continue;
        }
        String content = partial.toString();
        partial.setLength(0);
        if (content.matches("line [0-9]+")) {
          doubled += seen.add(Long.parseLong(content.substring(5))) ? 0 : 1;
        } else if (content.matches("end [0-9]+")) {
          end = Long.parseLong(content.substring(4));
        } else {
          garbled++;
        }
      }
    }
    lines.add((long) seen.size());
    long printed = end >= 0 ? end : seen.isEmpty() ? 0 : seen.last();
    report(lost, printed - seen.size(), "missing");
    report(lost, doubled, "twice");
    report(lost, garbled, "garbled");
    if (end < 0) {
      lost.add("container " + number + ": the last line it printed is not in its log");
    }
  }

  private void report(List<String> lost, long count, String what) {
    if (count > 0) {
      lost.add("container " + number + ": " + count + " lines " + what);
    }
  }
}

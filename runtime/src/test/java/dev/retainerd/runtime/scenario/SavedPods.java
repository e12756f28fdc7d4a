package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.retainerd.wire.cri.v1.CheckpointPodRequest;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ExecSyncRequest;
import dev.retainerd.wire.cri.v1.ExecSyncResponse;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.RestorePodRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Pods that are checkpointed and restored, in the words of a scenario. */
final class SavedPods {
  static final String SLEEPER = "sleep 1000";

  private final Node node;
  private final Pods pods;
  private final String handler;

  SavedPods(Node node, String handler) {
    this.node = node;
    this.pods = new Pods(node);
    this.handler = handler;
  }

  /** A pod, and its containers by the names {@code a}, {@code b} ..., which run. */
  record Pod(String name, String id, List<String> containers) {
    Pod {
      containers = List.copyOf(containers);
    }
  }

  Pod run(String name, int containers) {
    String id = pods.run(pods.config(name), handler);
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < containers; i++) {
      ids.add(pods.start(id, name, nameOf(i), SLEEPER));
    }
    return new Pod(name, id, ids);
  }

  static String nameOf(int i) {
    return String.valueOf((char) ('a' + i));
  }

  void remove(String pod) {
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  Path emptyFolder(String name) {
    try {
      return Files.createDirectories(node.folder().resolve("saved").resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  CheckpointPodRequest checkpoint(Pod pod, Path output) {
    return CheckpointPodRequest.newBuilder()
        .setPodSandboxId(pod.id())
        .setOutputPath(output.toString())
        .addAllContainerIds(pod.containers())
        .build();
  }

  RestorePodRequest restore(String name, int containers, Path checkpoint) {
    RestorePodRequest.Builder request =
        RestorePodRequest.newBuilder()
            .setCheckpointPath(checkpoint.toString())
            .setConfig(pods.config(name))
            .setRuntimeHandler(handler);
    for (int i = 0; i < containers; i++) {
      request.addContainerConfigs(config(i));
    }
    return request.build();
  }

  ContainerConfig config(int i) {
    return pods.containerConfig(nameOf(i), SLEEPER);
  }

  /** What a command in the container prints. One that stands still runs none. */
  String exec(String container, String script) {
    ExecSyncResponse response =
        node.cri()
            .execSync(
                ExecSyncRequest.newBuilder()
                    .setContainerId(container)
                    .addAllCmd(List.of("/bin/sh", "-c", script))
                    .setTimeout(20)
                    .build());
    assertEquals(0, response.getExitCode(), response.getStderr().toStringUtf8());
    return response.getStdout().toStringUtf8().strip();
  }

  void expectRunning(Pod pod) {
    pod.containers().forEach(id -> assertEquals("goes on", exec(id, "echo goes on")));
  }

  /** All names below a folder, sorted. */
  static List<String> names(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> !path.equals(folder))
          .map(path -> folder.relativize(path).toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Only these pods are there, and no container of another. */
  void expectPods(String... ids) {
    List<String> expected = Stream.of(ids).sorted().toList();
    assertEquals(
        expected,
        node
            .cri()
            .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
            .getItemsList()
            .stream()
            .map(pod -> pod.getId())
            .sorted()
            .toList());
    node.cri()
        .listContainers(ListContainersRequest.getDefaultInstance())
        .getContainersList()
        .forEach(
            container ->
                assertFalse(
                    !expected.contains(container.getPodSandboxId()),
                    "a container of pod " + container.getPodSandboxId()));
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.CheckpointPodRequest;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerMetadata;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.Int64Value;
import dev.retainerd.wire.cri.v1.KeyValue;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.RestorePodRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * CheckpointPod and RestorePod that are wrong in one thing: the right code, one sentence that names
 * it, nothing written, no container paused, no pod made.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PodCheckpointRefusedTest {
  private static final String LONG = "x".repeat(10_000);
  private static final Set<Status.Code> WRONG_ID =
      Set.of(Status.Code.INVALID_ARGUMENT, Status.Code.NOT_FOUND);

  private Node node;
  private Pods pods;
  private SavedPods saved;
  private SavedPods.Pod pod;
  private SavedPods.Pod other;
  private Path output;

  @BeforeAll
  void start() throws Exception {
    node = Node.prepared();
    Path work = Files.createDirectories(node.folder().resolve("work"));
    PretendCriu.install(node, work);
    node.start();
    node.importImage("k8s.io");
    pods = new Pods(node);
    saved = new SavedPods(node, PretendCriu.HANDLER);
    pod = saved.run("p", 2);
    other = saved.run("other", 1);
    output = saved.emptyFolder("empty");
  }

  @AfterAll
  void close() {
    node.close();
  }

  private static String refused(Set<Status.Code> codes, String word, Runnable call) {
    StatusRuntimeException e = assertThrows(StatusRuntimeException.class, call::run, word);
    String sentence = String.valueOf(e.getStatus().getDescription());
    assertTrue(codes.contains(e.getStatus().getCode()), word + ": " + e.getMessage());
    assertTrue(sentence.contains(word), word + ": " + sentence);
    assertTrue(sentence.length() < 1000, word + ": " + sentence.length() + " characters");
    assertTrue(!sentence.contains("\n") && !sentence.contains("Exception"), sentence);
    return sentence;
  }

  private void checkpointRefused(
      String word, Set<Status.Code> codes, UnaryOperator<CheckpointPodRequest.Builder> change) {
    CheckpointPodRequest request = change.apply(saved.checkpoint(pod, output).toBuilder()).build();
    refused(codes, word, () -> node.cri().checkpointPod(request));
    assertEquals(List.of(), SavedPods.names(output), word);
  }

  private void invalid(String word, UnaryOperator<CheckpointPodRequest.Builder> change) {
    checkpointRefused(word, Set.of(Status.Code.INVALID_ARGUMENT), change);
  }

  @Test
  void checkpointsThatAreWrongInOneThing() throws IOException {
    long before = new History(node).lastSequence();
    checkpointRefused("names no id", WRONG_ID, r -> r.clearPodSandboxId());
    checkpointRefused("does not exist", WRONG_ID, r -> r.setPodSandboxId(LONG));
    checkpointRefused("does not exist", WRONG_ID, r -> r.setPodSandboxId("\0../../etc"));
    checkpointRefused(
        "does not exist", WRONG_ID, r -> r.setPodSandboxId(pod.containers().getFirst()));
    invalid("names no container", r -> r.clearContainerIds());
    checkpointRefused("names no id", WRONG_ID, r -> r.addContainerIds(""));
    checkpointRefused("does not exist", WRONG_ID, r -> r.addContainerIds(LONG));
    checkpointRefused("does not exist", WRONG_ID, r -> r.addContainerIds(pod.id()));
    invalid("twice", r -> r.addContainerIds(pod.containers().getFirst()));
    invalid("twice", r -> r.addContainerIds(pod.containers().getFirst().substring(0, 20)));
    invalid("is one of pod sandbox " + other.id(), r -> r.addAllContainerIds(other.containers()));
    invalid(
        "at most 1000",
        r -> {
          for (int i = 0; i < 1001; i++) {
            r.addContainerIds("a" + i);
          }
          return r;
        });
    invalid("\"lazy\" is not supported", r -> r.putOptions("lazy", "true"));
    invalid("is not supported", r -> r.putOptions(LONG, "\n"));
    invalid("no output_path", r -> r.clearOutputPath());
    invalid("not absolute", r -> r.setOutputPath("relative/folder"));
    invalid("is no path", r -> r.setOutputPath("/a\0b"));
    invalid("characters", r -> r.setOutputPath("/" + LONG));
    invalid("does not exist", r -> r.setOutputPath(output.resolve("missing").toString()));
    Path file = Files.writeString(node.folder().resolve("a-file"), "mine");
    invalid("no folder", r -> r.setOutputPath(file.toString()));
    Path link = Files.createSymbolicLink(node.folder().resolve("a-link"), output);
    invalid("no folder", r -> r.setOutputPath(link.toString()));
    Path full = saved.emptyFolder("full");
    Path kept = Files.writeString(full.resolve("pod.json"), "mine");
    invalid("not empty", r -> r.setOutputPath(full.toString()));
    assertEquals("mine", Files.readString(kept));
    assertEquals(before, new History(node).lastSequence(), "nothing was begun");
    saved.expectRunning(pod);
    saved.expectRunning(other);
  }

  @Test
  void aCallWithoutADeadline() {
    refused(
        Set.of(Status.Code.INVALID_ARGUMENT),
        "no deadline",
        () -> node.cri().withDeadline(null).checkpointPod(saved.checkpoint(pod, output)));
    refused(
        Set.of(Status.Code.INVALID_ARGUMENT),
        "no deadline",
        () -> node.cri().withDeadline(null).restorePod(saved.restore("q", 1, output)));
  }

  @Test
  void whatDoesNotRun() {
    SavedPods.Pod ended = saved.run("ended", 2);
    pods.stop(ended.containers().get(1), 0);
    Path folder = saved.emptyFolder("ended");
    refused(
        Set.of(Status.Code.FAILED_PRECONDITION),
        "does not run",
        () -> node.cri().checkpointPod(saved.checkpoint(ended, folder)));
    pods.stopPod(ended.id());
    refused(
        Set.of(Status.Code.FAILED_PRECONDITION),
        "not ready",
        () -> node.cri().checkpointPod(saved.checkpoint(ended, folder)));
    assertEquals(List.of(), SavedPods.names(folder));
    pods.removePod(ended.id());
  }

  private void restoreRefused(
      String word, RestorePodRequest whole, UnaryOperator<RestorePodRequest.Builder> change) {
    RestorePodRequest request = change.apply(whole.toBuilder()).build();
    refused(Set.of(Status.Code.INVALID_ARGUMENT), word, () -> node.cri().restorePod(request));
    saved.expectPods(pod.id(), other.id());
  }

  @Test
  void restoresThatAreWrongInOneThing() throws IOException {
    Path checkpoint = saved.emptyFolder("good");
    node.cri().checkpointPod(saved.checkpoint(pod, checkpoint));
    RestorePodRequest whole = named(saved.restore("p", 2, checkpoint));
    restoreRefused("no config", whole, r -> r.clearConfig());
    restoreRefused(
        "no config", whole, r -> r.setConfig(PodSandboxConfig.newBuilder().setHostname("p")));
    restoreRefused("metadata.name", whole, r -> pod(r, c -> c.getMetadataBuilder().clearName()));
    restoreRefused("uid", whole, r -> pod(r, c -> c.getMetadataBuilder().clearUid()));
    restoreRefused("hostname", whole, r -> pod(r, c -> c.setHostname("q")));
    restoreRefused(
        "namespace_options",
        whole,
        r ->
            pod(
                r,
                c ->
                    c.getLinuxBuilder()
                        .getSecurityContextBuilder()
                        .getNamespaceOptionsBuilder()
                        .setIpc(NamespaceMode.NODE)));
    restoreRefused("runtime handler", whole, r -> r.clearRuntimeHandler());
    restoreRefused("runtime handler", whole, r -> r.setRuntimeHandler(LONG));
    restoreRefused("\"lazy\" is not supported", whole, r -> r.putOptions("lazy", "true"));
    restoreRefused("no checkpoint_path", whole, r -> r.clearCheckpointPath());
    restoreRefused("not absolute", whole, r -> r.setCheckpointPath("saved/good"));
    restoreRefused("does not exist", whole, r -> r.setCheckpointPath("/no/such/folder"));
    restoreRefused("characters", whole, r -> r.setCheckpointPath("/" + LONG));
    restoreRefused("pod.json", whole, r -> r.setCheckpointPath(output.toString()));
    Path link = Files.createSymbolicLink(node.folder().resolve("good-link"), checkpoint);
    restoreRefused("no folder", whole, r -> r.setCheckpointPath(link.toString()));
    restoreRefused("no container_configs", whole, r -> r.clearContainerConfigs());
    restoreRefused("names none", whole, r -> with(r, c -> c.clearMetadata()));
    restoreRefused("two container configs", whole, r -> r.addContainerConfigs(saved.config(0)));
    restoreRefused("no container config is for it", whole, r -> r.removeContainerConfigs(1));
    restoreRefused("has no container", whole, r -> r.addContainerConfigs(saved.config(2)));
    restoreRefused(
        "no container config is for it",
        whole,
        r -> with(r, c -> c.setMetadata(ContainerMetadata.newBuilder().setName(LONG))));
    restoreRefused("command", whole, r -> with(r, c -> c.addCommand("more")));
    restoreRefused("args", whole, r -> with(r, c -> c.addArgs("more")));
    restoreRefused("working_dir", whole, r -> with(r, c -> c.setWorkingDir("/tmp")));
    restoreRefused("envs", whole, r -> with(r, c -> c.addEnvs(KeyValue.newBuilder().setKey("A"))));
    restoreRefused("tty", whole, r -> with(r, c -> c.setTty(true)));
    restoreRefused("stdin", whole, r -> with(r, c -> c.setStdin(true)));
    restoreRefused(
        "run_as_user",
        whole,
        r -> user(r, s -> s.setRunAsUser(Int64Value.newBuilder().setValue(7))));
    restoreRefused("supplemental_groups", whole, r -> user(r, s -> s.addSupplementalGroups(7)));
    restoreRefused("privileged", whole, r -> user(r, s -> s.setPrivileged(true)));
    restoreRefused(
        "mounts",
        whole,
        r ->
            with(
                r,
                c ->
                    c.addMounts(Mount.newBuilder().setContainerPath("/more").setHostPath("/tmp"))));
    broken(checkpoint, whole);
  }

  /** The pod that it was lives still; another name for the restored one. */
  private static RestorePodRequest named(RestorePodRequest request) {
    RestorePodRequest.Builder builder = request.toBuilder();
    builder.getConfigBuilder().getMetadataBuilder().setUid("another-uid");
    return builder.build();
  }

  private static RestorePodRequest.Builder pod(
      RestorePodRequest.Builder request, java.util.function.Consumer<PodSandboxConfig.Builder> to) {
    to.accept(request.getConfigBuilder());
    return request;
  }

  private static RestorePodRequest.Builder with(
      RestorePodRequest.Builder request, UnaryOperator<ContainerConfig.Builder> change) {
    return request.setContainerConfigs(0, change.apply(request.getContainerConfigs(0).toBuilder()));
  }

  private static RestorePodRequest.Builder user(
      RestorePodRequest.Builder request,
      UnaryOperator<LinuxContainerSecurityContext.Builder> change) {
    LinuxContainerConfig.Builder linux = request.getContainerConfigsBuilder(0).getLinuxBuilder();
    linux.setSecurityContext(change.apply(linux.getSecurityContext().toBuilder()));
    return request;
  }

  /** Checkpoints that somebody has changed. */
  private void broken(Path checkpoint, RestorePodRequest whole) throws IOException {
    String first = pod.containers().getFirst();
    Path manifest = checkpoint.resolve("pod.json");
    String good = Files.readString(manifest);
    for (String bad :
        List.of(
            "",
            "{",
            "[]",
            "{}",
            good.replace("\"version\":1", "\"version\":2"),
            good.replace(first, "../../../etc"),
            good.replace(first, pod.containers().get(1)),
            good.replace("\"name\":\"a\"", "\"name\":\"b\""),
            good.replace("\"config\":{", "\"config\":{\"unheard_of\":1,"),
            good.replace("\"containers\":[", "\"containers\":7,\"x\":["))) {
      Files.writeString(manifest, bad);
      restoreRefused("is not a checkpoint", whole, r -> r);
    }
    Files.delete(manifest);
    Files.createSymbolicLink(manifest, Path.of("/etc/hostname"));
    restoreRefused("pod.json", whole, r -> r);
    Files.delete(manifest);
    Files.writeString(manifest, good);
    Path images = checkpoint.resolve(first).resolve("checkpoint/pages-1.img");
    byte[] memory = Files.readAllBytes(images);
    Files.delete(images);
    Files.createSymbolicLink(images, Path.of("/etc/shadow"));
    restoreRefused("no regular file", whole, r -> r);
    Files.delete(images);
    Files.write(images, memory);
    Path layer = checkpoint.resolve(first).resolve("rootfs-diff.tar");
    byte[] files = Files.readAllBytes(layer);
    Files.writeString(layer, "no archive at all, but long enough to be looked at".repeat(20));
    restoreRefused("", whole, r -> r);
    Files.write(layer, files);
    // Limits, labels, logs and where mounts come from may be others.
    RestorePodRequest.Builder other = whole.toBuilder();
    other
        .getContainerConfigsBuilder(0)
        .putLabels("more", "labels")
        .setLogPath("other.log")
        .getLinuxBuilder()
        .setResources(LinuxContainerResources.newBuilder().setCpuShares(256));
    saved.remove(node.cri().restorePod(other.build()).getPodSandboxId());
    assertOtherImage(whole);
  }

  private void assertOtherImage(RestorePodRequest whole) {
    RestorePodRequest.Builder missing = whole.toBuilder();
    missing
        .getContainerConfigsBuilder(0)
        .setImage(ImageSpec.newBuilder().setImage("docker.io/retain/none:1"));
    refused(Set.of(Status.Code.NOT_FOUND), "none:1", () -> node.cri().restorePod(missing.build()));
    saved.expectPods(pod.id(), other.id());
  }
}

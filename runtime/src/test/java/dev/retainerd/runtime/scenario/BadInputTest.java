package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.ContainerStatusRequest;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.RunPodSandboxRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Wrong calls get the right status and one sentence that names the thing, and leave nothing
 * half-made.
 */
@Tag("real")
class BadInputTest {
  private Node node;
  private Pods pods;

  @BeforeEach
  void prepare() {
    node = Node.prepared();
    pods = new Pods(node);
  }

  @AfterEach
  void close() {
    node.close();
  }

  private static void refused(Status.Code code, String named, Executable call) {
    StatusRuntimeException refusal = assertThrows(StatusRuntimeException.class, call);
    String sentence = String.valueOf(refusal.getStatus().getDescription());
    assertEquals(code, refusal.getStatus().getCode(), sentence);
    assertTrue(sentence.contains(named), sentence);
    assertTrue(!sentence.contains("\n") && !sentence.contains("Exception"), sentence);
  }

  @Test
  void unknownIds() {
    node.start();
    refused(
        Status.Code.NOT_FOUND,
        "no-such-pod",
        () ->
            node.cri()
                .podSandboxStatus(
                    PodSandboxStatusRequest.newBuilder().setPodSandboxId("no-such-pod").build()));
    refused(
        Status.Code.NOT_FOUND,
        "no-such-container",
        () ->
            node.cri()
                .containerStatus(
                    ContainerStatusRequest.newBuilder()
                        .setContainerId("no-such-container")
                        .build()));
    Host.Output output = node.ctr("tasks", "kill", "no-such-task");
    assertTrue(output.code() != 0 && output.text().contains("not found"), output.text());
  }

  @Test
  void takenNames() {
    node.start();
    node.importImage("k8s.io");
    node.importImage(node.name());
    String pod = pods.run("taken");
    String container = pods.create(pod, "taken", "c", "true");
    refused(
        Status.Code.ALREADY_EXISTS,
        "c",
        () ->
            node.cri()
                .createContainer(
                    CreateContainerRequest.newBuilder()
                        .setPodSandboxId(pod)
                        // The very same call would be a retry, and get the same container.
                        .setConfig(pods.containerConfig("c", "false"))
                        .setSandboxConfig(pods.config("taken"))
                        .build()));
    pods.remove(container);
    node.ctr("run", "-d", Node.IMAGE, "c1", "sleep", "1000").expectSuccess();
    Host.Output again = node.ctr("run", "-d", Node.IMAGE, "c1", "sleep", "1000");
    assertTrue(again.code() != 0 && again.text().contains("already exists"), again.text());
  }

  @Test
  void badReferenceAndMissingImage() {
    node.start();
    refused(
        Status.Code.INVALID_ARGUMENT,
        "UPPER//case",
        () ->
            node.images()
                .pullImage(
                    PullImageRequest.newBuilder()
                        .setImage(ImageSpec.newBuilder().setImage("UPPER//case:1"))
                        .build()));
    String pod = pods.run("p");
    refused(
        Status.Code.NOT_FOUND,
        "busybox",
        () ->
            node.cri()
                .createContainer(
                    CreateContainerRequest.newBuilder()
                        .setPodSandboxId(pod)
                        .setConfig(pods.containerConfig("c", "true"))
                        .setSandboxConfig(pods.config("p"))
                        .build()));
  }

  @Test
  void containerWhoseSnapshotIsGone() {
    node.start();
    node.importImage(node.name());
    node.ctr("containers", "create", Node.IMAGE, "rootless", "sleep", "1000").expectSuccess();
    node.ctr("snapshots", "rm", "rootless").expectSuccess();
    Host.Output output = node.ctr("tasks", "start", "-d", "rootless");
    assertTrue(output.code() != 0 && output.text().contains("not exist"), output.text());
    assertTrue(!node.ctr("tasks", "ls").expectSuccess().contains("rootless"));
    node.ctr("containers", "rm", "rootless").expectSuccess();
  }

  @Test
  void unknownNamespace() {
    node.start();
    String nobodys = "nobody-" + node.name();
    assertTrue(!node.ctrIn(nobodys, "images", "ls").expectSuccess().contains("sha256"));
    assertTrue(!node.ctrIn(nobodys, "containers", "ls").expectSuccess().contains("runc"));
    Host.Output output = node.ctrIn(nobodys, "run", "--rm", Node.IMAGE, "c", "true");
    assertTrue(output.code() != 0 && output.text().contains("not found"), output.text());
    assertTrue(
        !node.ctr("namespaces", "ls", "-q").expectSuccess().contains(nobodys),
        "reading brings no namespace into being");
  }

  @Test
  void truncatedArchive() throws IOException {
    node.start();
    byte[] whole = Files.readAllBytes(node.archive());
    Path half = node.folder().resolve("half.tar");
    Files.write(half, Arrays.copyOf(whole, whole.length / 2));
    Host.Output output = node.ctr("images", "import", half.toString());
    assertTrue(output.code() != 0, output.text());
    assertTrue(!node.ctr("images", "ls").expectSuccess().contains(Node.IMAGE));
    // What it left must not be in the way of the whole one.
    node.importImage(node.name());
  }

  @Test
  void podWithoutANetworkConfigurationLeavesNothing() throws IOException {
    Files.delete(node.folder().resolve("net.d/10-scenario.conflist"));
    node.start();
    StatusRuntimeException refusal =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                node.cri()
                    .runPodSandbox(
                        RunPodSandboxRequest.newBuilder().setConfig(pods.config("p")).build()));
    assertTrue(
        refusal.getStatus().getDescription().contains("net.d"),
        refusal.getStatus().getDescription());
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void missingRuntimeBinary() throws IOException {
    Files.writeString(
        node.config(),
        Files.readString(node.config())
            + """

              [plugins."io.containerd.grpc.v1.cri".containerd]
                default_runtime_name = "gone"

                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.gone]
                  runtime_type = "io.containerd.runc.v2"

                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.gone.options]
                    BinaryName = "/no/such/runc"
            """);
    node.start();
    node.importImage("k8s.io");
    String pod;
    try {
      pod = pods.run("p");
    } catch (StatusRuntimeException e) {
      assertTrue(e.getStatus().getDescription().contains("/no/such/runc"), e.getMessage());
      return;
    }
    String container = pods.create(pod, "p", "c", "true");
    StatusRuntimeException refusal =
        assertThrows(StatusRuntimeException.class, () -> pods.start(container));
    assertTrue(
        refusal.getStatus().getDescription().contains("/no/such/runc"),
        refusal.getStatus().getDescription());
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void unsupportedConfigVersion() throws IOException {
    Files.writeString(
        node.config(), Files.readString(node.config()).replace("version = 2", "version = 99"));
    expectRefusedStart("99");
  }

  @Test
  void unknownKeyNamesTheNearestKnownOne() throws IOException {
    Files.writeString(node.config(), Files.readString(node.config()).replace("root =", "rooot ="));
    expectRefusedStart("rooot");
  }

  @Test
  void stateFolderOwnedByARunningDaemon() throws IOException {
    node.start();
    Path second = node.folder().resolve("second.toml");
    Files.writeString(
        second, Files.readString(node.config()).replace("/retainerd.sock", "/second.sock"));
    Host.Output output = daemon(second);
    assertTrue(output.code() != 0, output.text());
    assertTrue(output.text().contains(node.folder().toString()), output.text());
    assertTrue(node.answers(), "the first daemon no longer answers");
  }

  @Test
  void socketPathInUse() throws IOException {
    node.start();
    Path second = node.folder().resolve("second.toml");
    Files.writeString(
        second,
        Files.readString(node.config())
            .replace(node.root().toString(), node.folder() + "/root2")
            .replace(node.state().toString(), node.folder() + "/state2"));
    Host.Output output = daemon(second);
    assertTrue(output.code() != 0, output.text());
    assertTrue(output.text().contains(node.socket().toString()), output.text());
    assertTrue(node.answers(), "the first daemon no longer answers");
  }

  private void expectRefusedStart(String named) {
    Process daemon = node.launch();
    Eventually.holds("the daemon's refusal", Duration.ofSeconds(20), () -> !daemon.isAlive());
    assertTrue(daemon.exitValue() != 0);
    assertTrue(node.logTail().contains(named), node.logTail());
    assertTrue(!node.logTail().contains("\tat "), node.logTail());
  }

  private static Host.Output daemon(Path config) {
    return Host.run(
        30,
        java.util.List.of(
            Node.DIST.resolve("bin/retainerd").toString(), "--config", config.toString()));
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.image.DockerRegistry;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerStatsRequest;
import dev.retainerd.wire.cri.v1.FilesystemUsage;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.RemoveImageRequest;
import dev.retainerd.wire.cri.v1.RestorePodResponse;
import dev.retainerd.wire.cri.v1.StatusRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** A runtime handler whose pods stand in whole copies, beside one whose pods stand in overlays. */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SnapshotterOfHandlerTest {
  private static final String COPIES = "copies";
  private static final String ANNOTATION = "io.containerd.cri.runtime-handler";
  private static final String SLEEPER = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

  private final Node node = Node.prepared();
  private Pods pods;
  private SavedPods saved;
  private DockerRegistry registry;

  @BeforeAll
  void start() throws Exception {
    Path work = Files.createDirectories(node.folder().resolve("pretend"));
    PretendCriu.install(node, work);
    Files.writeString(
        node.config(),
        """
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.copies]
          runtime_type = "io.containerd.runc.v2"
          snapshotter = "native"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.machine]
          runtime_type = "io.containerd.kata.v2"
          snapshotter = "devmapper"
        """,
        StandardOpenOption.APPEND);
    String config = Files.readString(node.config());
    String type = "runtimes.%s]\n  runtime_type = \"io.containerd.runc.v2\"\n";
    String plain = type.formatted(PretendCriu.HANDLER);
    assertTrue(config.contains(plain), config);
    Files.writeString(node.config(), config.replace(plain, plain + "  snapshotter = \"native\"\n"));
    node.start();
    pods = new Pods(node);
    saved = new SavedPods(node, PretendCriu.HANDLER);
    registry = new DockerRegistry(Files.createDirectories(node.folder().resolve("registry")));
    node.importImage("k8s.io");
  }

  @AfterAll
  void close() throws Exception {
    registry.close();
    node.close();
  }

  private String run(String name, String handler) {
    return pods.run(pods.config(name), handler);
  }

  private String start(String pod, String name) {
    return pods.start(pod, name, pods.containerConfig(name, SLEEPER));
  }

  private Path folder(String snapshotter) {
    return node.root().resolve("snapshots").resolve(snapshotter);
  }

  private long folders(String snapshotter) throws Exception {
    try (Stream<Path> all = Files.list(folder(snapshotter))) {
      return all.count();
    }
  }

  /** Type of the file system at a container's root. */
  private String root(String id) {
    return saved.exec(
        id, "while read -r a at type more; do [ $at != / ] || echo $type; done </proc/mounts");
  }

  private String filesystemOf(String id) {
    return node.cri()
        .containerStats(ContainerStatsRequest.newBuilder().setContainerId(id).build())
        .getStats()
        .getWritableLayer()
        .getFsId()
        .getMountpoint();
  }

  private List<String> snapshots(String snapshotter) {
    return node.ctrIn("k8s.io", "snapshots", "--snapshotter", snapshotter, "ls")
        .expectSuccess()
        .lines()
        .skip(1)
        .map(line -> line.split("\\s+")[0])
        .toList();
  }

  @Test
  void podsOfBothHandlersRunSideBySideOverARestart() throws Exception {
    long before = folders("native");
    String layered = run("layered", "");
    String copied = run("copied", COPIES);
    String one = start(layered, "layered");
    String two = start(copied, "copied");
    assertEquals("overlay", root(one));
    assertFalse(root(two).contains("overlay"), root(two));
    assertTrue(snapshots("overlayfs").contains(one));
    assertFalse(snapshots("overlayfs").contains(two));
    assertTrue(snapshots("native").contains(two));
    assertEquals(folder("overlayfs").toString(), filesystemOf(one));
    assertEquals(folder("native").toString(), filesystemOf(two));
    List<FilesystemUsage> used =
        node.images()
            .imageFsInfo(ImageFsInfoRequest.getDefaultInstance())
            .getImageFilesystemsList();
    assertEquals(
        List.of(folder("overlayfs").toString(), folder("native").toString()),
        used.stream().map(fs -> fs.getFsId().getMountpoint()).toList());
    used.forEach(fs -> assertTrue(fs.getInodesUsed().getValue() > 0, fs.toString()));

    saved.exec(one, "echo one >/written");
    saved.exec(two, "echo two >/written; rm /bin/ls");
    node.killDaemon();
    node.start();
    assertEquals("one", saved.exec(one, "cat /written"));
    assertEquals("two", saved.exec(two, "cat /written"));
    // The next container of that pod begins with the image, and not with what the first wrote.
    pods.stop(two, 0);
    ContainerConfig next = pods.containerConfig("next", SLEEPER);
    String third = pods.start(copied, "copied", next);
    assertEquals("/bin/ls", saved.exec(third, "ls /bin/ls; [ ! -e /written ]"));
    for (String pod : List.of(layered, copied)) {
      pods.stopPod(pod);
      pods.removePod(pod);
    }
    assertFalse(snapshots("native").contains(two));
    assertFalse(snapshots("native").contains(third));
    // Of the image one copy stays for the handler: a next pod need not unpack it.
    assertTrue(folders("native") <= before + 1, "folders of containers that are gone");
  }

  @Test
  void aPullIsForTheHandlerThatItNames() throws Exception {
    String name = registry.host + "/retain/pulled:1";
    String image =
        new MadeImage(node, name).withBusybox().withFile("of", "the image\n").importInto("pushes");
    node.ctrIn("pushes", "images", "push", "--plain-http", image).expectSuccess();
    ImageSpec.Builder spec = ImageSpec.newBuilder().setImage(image);
    List<String> layered = snapshots("overlayfs");
    List<String> copied = snapshots("native");

    node.images()
        .pullImage(
            PullImageRequest.newBuilder().setImage(spec.clone().setRuntimeHandler(COPIES)).build());
    assertEquals(layered, snapshots("overlayfs"));
    assertEquals(copied.size() + 1, snapshots("native").size());
    remove(spec);
    assertEquals(copied, snapshots("native"));

    // As kubelets before cri-api 0.29 say it.
    node.images()
        .pullImage(
            PullImageRequest.newBuilder()
                .setImage(spec)
                .setSandboxConfig(PodSandboxConfig.newBuilder().putAnnotations(ANNOTATION, COPIES))
                .build());
    assertEquals(layered, snapshots("overlayfs"));
    assertEquals(copied.size() + 1, snapshots("native").size());

    // Without a word it is for the default handler; and a pod of the other finds its own still.
    node.images().pullImage(PullImageRequest.newBuilder().setImage(spec).build());
    assertEquals(layered.size() + 1, snapshots("overlayfs").size());
    String pod = run("puller", COPIES);
    String id =
        pods.start(
            pod,
            "puller",
            pods.containerConfig("puller", SLEEPER).toBuilder()
                .setImage(spec)
                .addMounts(
                    Mount.newBuilder().setContainerPath("/image").setImage(spec).setReadonly(true))
                .build());
    assertEquals("the image", saved.exec(id, "cat /of"));
    assertEquals("the image", saved.exec(id, "cat /image/of"));
    assertEquals(layered.size() + 1, snapshots("overlayfs").size(), "all of the pod is copied");
    pods.stopPod(pod);
    pods.removePod(pod);
    remove(spec);
    assertEquals(layered, snapshots("overlayfs"));
    assertEquals(copied, snapshots("native"));

    StatusRuntimeException refused =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                node.images()
                    .pullImage(
                        PullImageRequest.newBuilder()
                            .setImage(spec.clone().setRuntimeHandler("kata"))
                            .build()));
    assertEquals(Status.Code.INVALID_ARGUMENT, refused.getStatus().getCode());
    assertTrue(refused.getMessage().contains("\"kata\""), refused.getMessage());
  }

  private void remove(ImageSpec.Builder image) {
    node.images().removeImage(RemoveImageRequest.newBuilder().setImage(image).build());
  }

  @Test
  void aPodInCopiesIsCheckpointedAndRestored() throws Exception {
    SavedPods.Pod pod = saved.run("kept", 1);
    String id = pod.containers().getFirst();
    saved.exec(id, "echo kept >/written; rm /bin/ls");
    Path output = saved.emptyFolder("kept");
    node.cri().checkpointPod(saved.checkpoint(pod, output));
    saved.remove(pod.id());
    RestorePodResponse again = node.cri().restorePod(saved.restore("kept", 1, output));
    String restored = again.getRestoredContainers(0).getContainerId();
    pods.start(restored);
    assertFalse(root(restored).contains("overlay"));
    assertEquals("kept", saved.exec(restored, "cat /written; [ ! -e /bin/ls ]"));
    saved.remove(again.getPodSandboxId());
    assertFalse(snapshots("native").contains(restored));
  }

  @Test
  void aContainerStaysWhereItWasMadeWhateverItsHandlerSaysLater() throws Exception {
    String pod = run("moved", COPIES);
    String id = start(pod, "moved");
    String config = Files.readString(node.config());
    node.killDaemon();
    Files.writeString(node.config(), config.replace("\"native\"", "\"overlayfs\""));
    node.start();
    try {
      saved.exec(id, "echo on >/written");
      assertEquals(folder("native").toString(), filesystemOf(id));
      ContainerConfig next = pods.containerConfig("next", SLEEPER);
      assertEquals("overlay", root(pods.start(pod, "moved", next)));
      pods.stopPod(pod);
      pods.removePod(pod);
      assertFalse(snapshots("native").contains(id));
    } finally {
      node.killDaemon();
      Files.writeString(node.config(), config);
      node.start();
    }
  }

  @Test
  void theConfigurationIsToldAsItIs() {
    String told =
        node.cri()
            .status(StatusRequest.newBuilder().setVerbose(true).build())
            .getInfoOrThrow("config");
    assertTrue(told.contains("\"snapshotter\":\"overlayfs\""), told);
    assertTrue(told.contains("\"snapshotter\":\"native\""), told);
    // Nothing about it is passed over.
    String log = node.logTail();
    assertFalse(log.contains("snapshotter"), log);
  }

  /** A pod that is to be a virtual machine must not become a process of the node. */
  @Test
  void aHandlerOfAnotherShimIsRefusedAndNotServedByRunc() throws Exception {
    StatusRuntimeException refused =
        assertThrows(StatusRuntimeException.class, () -> run("machine", "machine"));
    assertEquals(Status.Code.FAILED_PRECONDITION, refused.getStatus().getCode());
    assertTrue(refused.getMessage().contains("io.containerd.kata.v2"), refused.getMessage());
    for (String runtime : List.of("machine", "io.containerd.kata.v2")) {
      Host.Output ctr =
          node.ctrIn("k8s.io", "run", "--rm", "--runtime", runtime, Node.IMAGE, "vm", "true");
      assertFalse(ctr.code() == 0, ctr.text());
      assertTrue(ctr.text().contains("io.containerd.kata.v2"), ctr.text());
    }
    assertEquals(
        0,
        node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsCount(),
        "nothing half made");
    List<String> handlers =
        node.cri().status(StatusRequest.getDefaultInstance()).getRuntimeHandlersList().stream()
            .map(handler -> handler.getName())
            .toList();
    assertEquals(List.of("", "copies", PretendCriu.HANDLER, "runc"), handlers);
    assertTrue(Files.readString(node.log()).contains("pods of \"machine\" will be refused"));
  }
}

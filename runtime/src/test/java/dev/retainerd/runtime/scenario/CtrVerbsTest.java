package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.image.DockerRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Every verb of Debian's ctr 1.6 that works without the internet, noun by noun, against one daemon
 * and a real registry. What is left out: {@code install}, {@code oci}, {@code shim} and {@code
 * pprof}, which do not speak to containerd's API. Checkpoints of tasks are {@link
 * TaskCheckpointTest}'s.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CtrVerbsTest {
  private static final String OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";

  private Node node;
  private Path work;
  private DockerRegistry registry;

  @BeforeAll
  void start() throws Exception {
    node = Node.started();
    work = Files.createDirectories(node.folder().resolve("work"));
    registry = new DockerRegistry(Files.createDirectories(work.resolve("registry")));
    node.importImage(node.name());
  }

  @AfterAll
  void close() throws Exception {
    registry.close();
    node.close();
  }

  /** Runs one line of ctr; words are split at blanks. */
  private String ctr(String line, Object... values) {
    return run(line, values).expectSuccess();
  }

  private Host.Output run(String line, Object... values) {
    return node.ctr(line.formatted(values).split(" "));
  }

  private String refused(String line, Object... values) {
    Host.Output output = run(line, values);
    assertEquals(1, output.code(), output.text());
    return output.text();
  }

  /** A line of the shell, where ctr reads or writes a pipe. */
  private Host.Output shell(String line) {
    String ctr = "ctr --address " + node.socket() + " --namespace " + node.name();
    return Host.run(60, List.of("bash", "-c", line.replace("CTR", ctr)));
  }

  private static void has(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> "\"" + part + "\" is missing in:\n" + text);
    }
  }

  private String digestOf(String image) {
    return ctr("images ls")
        .lines()
        .filter(line -> line.startsWith(image + " "))
        .map(line -> line.replaceAll(".*(sha256:[0-9a-f]{64}).*", "$1"))
        .findFirst()
        .orElseThrow();
  }

  private String topSnapshot() {
    return ctr("snapshots ls")
        .lines()
        .filter(line -> line.contains("Committed") && line.startsWith("sha256:"))
        .map(line -> line.split(" ")[0])
        .findFirst()
        .orElseThrow();
  }

  @Test
  void versionInfoAndPlugins() {
    has(ctr("version"), "Client:", "Server:", "UUID:");
    has(ctr("plugins ls"), "io.containerd.snapshotter.v1", "overlayfs", "io.containerd.grpc.v1");
    has(ctr("plugins ls -d type==io.containerd.snapshotter.v1"), "Type:", "ID:", "root");
  }

  @Test
  void namespaces() {
    ctr("namespaces create verbs-%s color=red", node.name());
    ctr("namespaces label verbs-%s size=big", node.name());
    has(ctr("namespaces ls"), "color=red,size=big");
    ctr("namespaces rm verbs-%s", node.name());
    assertFalse(ctr("namespaces ls -q").contains("verbs-"));
    has(refused("namespaces rm %s", node.name()), "must be empty");
  }

  @Test
  void leases() {
    assertEquals("verbs", ctr("leases create --id verbs --expires 1h a=b").strip());
    has(ctr("leases ls"), "verbs", "a=b", "containerd.io/gc.expire");
    assertEquals("verbs\n", ctr("leases ls -q"));
    ctr("leases rm --sync verbs");
    assertFalse(ctr("leases ls").contains("verbs"));
    has(refused("leases rm verbs"), "not found");
  }

  @Test
  void contentOfEveryKind() throws IOException {
    String manifest = digestOf(Node.IMAGE);
    has(ctr("content ls"), manifest, "containerd.io/gc.ref.content");
    has(ctr("content get %s", manifest), "schemaVersion");
    byte[] random = new byte[700_000];
    new java.util.Random(5).nextBytes(random);
    Path file = Files.write(work.resolve("random"), random);
    String digest = dev.retainerd.runtime.content.Digest.of(random).toString();
    shell("CTR content ingest --expected-digest " + digest + " random < " + file).expectSuccess();
    has(ctr("content ls -q"), digest);
    has(ctr("content active"), "REF");
    has(ctr("content label %s a=b", digest), "a=b");
    has(refused("content get sha256:%s", "0".repeat(64)), "not found");
    String no = "sha256:" + "0".repeat(64);
    Host.Output wrong = shell("echo other | CTR content ingest --expected-digest " + no + " x");
    assertEquals(1, wrong.code(), wrong.text());
    String edited = shell("CTR content edit --editor 'sed -i s/a/b/' " + configOf(manifest)).text();
    has(edited, "sha256:");
    ctr("content rm %s", digest);
    assertFalse(ctr("content ls -q").contains(digest));
    ctr("content prune references");
  }

  private String configOf(String manifest) {
    return ctr("content get %s", manifest)
        .replaceAll("(?s).*\"config\":\\s*\\{[^}]*(sha256:[0-9a-f]{64}).*", "$1");
  }

  @Test
  void imagesAreTaggedLabelledExportedImportedConvertedAndRemoved() {
    String digest = digestOf(Node.IMAGE);
    has(ctr("images check"), Node.IMAGE, "complete");
    ctr("images tag %s verbs/tagged:1", Node.IMAGE);
    has(refused("images tag %s verbs/tagged:1", Node.IMAGE), "already exists");
    ctr("images tag --force %s verbs/tagged:1", Node.IMAGE);
    has(ctr("images label verbs/tagged:1 a=b"), "a=b");
    has(ctr("images ls name==verbs/tagged:1"), "a=b", digest);

    Path archive = work.resolve("exported.tar");
    ctr("images export %s %s verbs/tagged:1", archive, Node.IMAGE);
    String listed = Host.run(20, List.of("tar", "tf", archive.toString())).expectSuccess();
    has(listed, "index.json", "manifest.json", "oci-layout", digest.substring(7));
    ctr("images rm verbs/tagged:1");
    ctr("images import --base-name verbs/imported --digests --all-platforms %s", archive);
    has(ctr("images ls -q"), "verbs/imported@" + digest, "verbs/tagged:1");
    Host.Output skopeo =
        Host.run(30, List.of("skopeo", "inspect", "--raw", "oci-archive:" + archive + ":1"));
    if (skopeo.code() == 0) {
      has(skopeo.text(), "schemaVersion");
    }

    ctr("images convert --oci %s verbs/converted:1", Node.IMAGE);
    ctr("images convert --uncompress --oci %s verbs/converted:2", Node.IMAGE);
    assertEquals("hi\n", ctr("run --rm verbs/converted:2 converted echo hi"));
    ctr("images rm --sync verbs/converted:1 verbs/converted:2");
    assertFalse(ctr("images ls -q").contains("verbs/converted"));
    has(ctr("images rm verbs/converted:1"), "image not found");
  }

  @Test
  void imagesAreMountedAndUnmounted() {
    Path target = work.resolve("mounted");
    assertTrue(target.toFile().mkdir());
    ctr("images mount %s %s", Node.IMAGE, target);
    assertTrue(Files.isDirectory(target.resolve("bin")));
    assertFalse(target.resolve("new").toFile().mkdir(), "read-only");
    ctr("images unmount --rm %s", target);
    ctr("images mount --rw %s %s", Node.IMAGE, target);
    assertTrue(target.resolve("new").toFile().mkdir());
    ctr("images unmount --rm %s", target);
    assertFalse(ctr("snapshots ls").contains(target.toString()));
  }

  @Test
  void imagesGoToARealRegistryAndComeBack() {
    String name = registry.host + "/verbs/bb:1";
    String digest = digestOf(Node.IMAGE);
    ctr("images tag %s %s", Node.IMAGE, name);
    ctr("images push --plain-http %s", name);
    ctr("images rm --sync %s", name);
    has(ctr("images pull --plain-http --print-chainid --label x=y %s", name), "chain", "done");
    assertEquals(digest, digestOf(name));
    ctr("images pull --plain-http --all-platforms %s", name);
    ctr("content fetch --plain-http %s", name);
    has(ctr("content fetch-object --plain-http %s", name), "schemaVersion");
    ctr("content push-object --plain-http %s %s %s", name, digest, OCI_LAYER);
    String raw =
        Host.run(
                30, List.of("skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name))
            .expectSuccess();
    assertEquals(
        digest,
        dev.retainerd.runtime.content.Digest.of(
                raw.getBytes(java.nio.charset.StandardCharsets.UTF_8))
            .toString());
    ctr("images rm %s", name);
  }

  @Test
  void containersAreRecordsAndTasksAreProcesses() {
    ctr("containers create --label l=1 %s rec sleep 1000", Node.IMAGE);
    has(ctr("containers ls"), "rec", Node.IMAGE, "io.containerd.runc.v2");
    assertFalse(ctr("tasks ls").contains("rec"));
    has(ctr("containers info rec"), "\"ID\": \"rec\"");
    has(ctr("containers info --spec rec"), "\"ociVersion\"", "\"sleep\"");
    has(ctr("containers label rec a=b"), "a=b");
    has(ctr("containers ls labels.\"a\"==b"), "rec");
    ctr("tasks start -d rec");
    has(ctr("tasks ls"), "rec", "RUNNING");
    has(ctr("tasks ps rec"), "PID");
    assertEquals("hi\n", ctr("tasks exec --exec-id e1 --cwd /bin rec echo hi"));
    assertEquals("77\n", ctr("tasks exec --exec-id e4 --user 77 rec sh -c id${IFS}-u"));
    ctr("tasks exec -d --exec-id e2 rec sleep 1000");
    has(ctr("tasks ps rec"), "ExecID:e2");
    has(ctr("tasks metrics rec"), "rec", "METRIC");
    has(ctr("tasks metrics --format json rec"), "\"pids\"", "\"current\"");
    ctr("tasks pause rec");
    has(ctr("tasks ls"), "PAUSED");
    ctr("tasks resume rec");
    has(ctr("tasks ls"), "RUNNING");
    has(refused("containers rm rec"), "cannot delete");
    has(refused("tasks start rec"), "already exists");
    ctr("tasks kill --exec-id e2 -s SIGKILL rec");
    ctr("tasks kill -a -s SIGKILL rec");
    Eventually.holds(
        "the task shown as stopped",
        Duration.ofSeconds(10),
        () -> ctr("tasks ls").contains("STOPPED"));
    run("tasks rm rec");
    assertFalse(ctr("tasks ls").contains("rec"));
    ctr("containers rm rec");
    has(refused("containers info rec"), "not found");
  }

  @Test
  void attachShowsWhatTheTaskPrints() throws Exception {
    ctr("run -d %s att sh -c %s", Node.IMAGE, "sleep${IFS}1;echo${IFS}seen;exit${IFS}5");
    Host.Output attached = run("tasks attach att");
    has(attached.text(), "seen");
    assertEquals(5, attached.code(), attached.text());
    run("tasks rm att");
    ctr("containers rm att");
  }

  /** Of the record and its files; see {@link TaskCheckpointTest} for that of a task. */
  @Test
  void aContainerIsCheckpointedIntoAnImage() {
    ctr("run -d %s chk sleep 1000", Node.IMAGE);
    ctr("containers checkpoint --rw --image chk verbs/checkpoint:1");
    has(ctr("images ls -q"), "verbs/checkpoint:1");
    // With stock containerd as well: ctr finds no task in it.
    has(refused("containers restore --rw chk2 verbs/checkpoint:1"), "media type not found");
    run("tasks rm -f chk");
    ctr("containers rm chk");
    ctr("images rm verbs/checkpoint:1");
  }

  /** The flags of run, each with a command that fails unless the flag did what it says. */
  @Test
  void runTakesItsFlags() throws IOException {
    Path variables = Files.writeString(work.resolve("variables"), "FROM_FILE=yes\n");
    Map<String, String> rows =
        Map.ofEntries(
            Map.entry("--env A=B --cwd /bin", "[ $A = B ] && [ $PWD = /bin ]"),
            Map.entry("--env-file " + variables, "[ $FROM_FILE = yes ]"),
            Map.entry("--mount type=bind,src=/tmp,dst=/host,options=rbind:ro", "! touch /host/x"),
            Map.entry(
                "--mount type=tmpfs,dst=/t,options=size=1m", "grep -q '/t tmpfs' /proc/mounts"),
            Map.entry("--privileged", "grep -q 'CapEff:.*[1-9a-f]$' /proc/self/status"),
            Map.entry(
                "--net-host", "[ $(ls /sys/class/net | wc -l) -gt 1 ] || [ -e /proc/net/dev ]"),
            Map.entry("--memory-limit 50000000", "true"),
            Map.entry("--cpus 0.5", "true"),
            Map.entry("--cpu-shares 512", "true"),
            Map.entry("--cpu-quota 20000 --cpu-period 100000", "true"),
            Map.entry("--seccomp", "grep -q 'Seccomp:.*2' /proc/self/status"),
            Map.entry("--read-only", "! touch /x"),
            Map.entry("--runtime io.containerd.runc.v2", "true"),
            Map.entry("--runc-binary /usr/bin/runc", "true"),
            Map.entry("--cap-drop CAP_CHOWN", "! chown 5 /tmp"),
            Map.entry("--cap-add CAP_SYS_TIME", "true"),
            Map.entry("--allow-new-privs", "grep -q 'NoNewPrivs:.*0' /proc/self/status"),
            Map.entry("--device /dev/fuse", "[ -c /dev/fuse ]"),
            Map.entry("--label a=b --annotation c=d", "true"),
            Map.entry("--platform linux/amd64", "true"),
            Map.entry("--uidmap 0:100000:65536 --gidmap 0:100000:65536", "[ $(id -u) = 0 ]"),
            Map.entry("--fifo-dir " + work.resolve("fifos"), "true"),
            Map.entry("--snapshotter overlayfs", "true"),
            Map.entry("--null-io", "echo gone"),
            Map.entry("--rootfs-propagation private", "true"));
    List<String> failed = new ArrayList<>();
    int number = 0;
    for (Map.Entry<String, String> row : rows.entrySet()) {
      List<String> words = new ArrayList<>(List.of("run", "--rm"));
      words.addAll(Arrays.asList(row.getKey().split(" ")));
      words.addAll(List.of(Node.IMAGE, "flag" + number++, "sh", "-c", row.getValue()));
      Host.Output output = node.ctr(words.toArray(String[]::new));
      if (output.code() != 0) {
        failed.add(row + " -> " + output.code() + ": " + output.text());
      }
    }
    assertEquals(List.of(), failed);
  }

  @Test
  void runWithALogUriAPidFileAndARootfs() throws IOException {
    Path log = work.resolve("task.log");
    ctr("run --rm --log-uri file://%s %s logged echo hello", log, Node.IMAGE);
    has(Files.readString(log), "hello");
    Path pid = work.resolve("pid");
    ctr("run -d --pid-file %s %s pidfile sleep 1000", pid, Node.IMAGE);
    assertTrue(Host.runs(Long.parseLong(Files.readString(pid).strip())));
    run("tasks rm -f pidfile");
    ctr("containers rm pidfile");
    Path rootfs = work.resolve("rootfs");
    Files.createDirectories(rootfs.resolve("bin"));
    Files.copy(Path.of("/bin/busybox"), rootfs.resolve("bin/busybox"));
    assertEquals("own\n", ctr("run --rm --rootfs %s own /bin/busybox echo own", rootfs));
    has(refused("run --rm --runtime io.containerd.none.v9 %s none true", Node.IMAGE), "none");
  }

  /** Its input has to stay open until the task exists: ctr 1.6 closes it only once otherwise. */
  @Test
  void runReadsItsInput() {
    Host.Output output = shell("(echo x; sleep 2) | CTR run --rm " + Node.IMAGE + " input cat");
    assertEquals("x\n", output.expectSuccess());
  }

  @Test
  void snapshotsFromPrepareToDiff() throws IOException {
    String top = topSnapshot();
    has(ctr("snapshots tree"), top);
    has(ctr("snapshots usage"), top, "iB");
    has(ctr("snapshots usage -b %s", top), top);
    has(ctr("snapshots info %s", top), "\"Kind\": \"Committed\"");
    ctr("snapshots prepare verbs-active %s", top);
    Path target = work.resolve("snapshot");
    assertTrue(target.toFile().mkdir());
    has(ctr("snapshots mounts %s verbs-active", target), "mount -t overlay");
    String change =
        "eval \"$(CTR snapshots mounts %1$s verbs-active)\" && echo new > %1$s/new && rm"
            + " %1$s/bin/ls && umount %1$s";
    shell(change.formatted(target)).expectSuccess();
    String names =
        shell("CTR snapshots diff --media-type " + OCI_LAYER + " verbs-active | tar tf -")
            .expectSuccess();
    assertEquals(List.of("bin/", "bin/.wh.ls", "new"), names.lines().sorted().toList());
    has(
        shell("CTR snapshots diff --keep --ref verbs " + top + " verbs-active | tar tzf -")
            .expectSuccess(),
        "bin/.wh.ls");
    ctr("snapshots commit verbs-committed verbs-active");
    ctr("snapshots view verbs-view verbs-committed");
    assertEquals(
        names,
        shell("CTR snapshots diff --media-type " + OCI_LAYER + " verbs-committed | tar tf -")
            .expectSuccess());
    has(ctr("snapshots label verbs-committed a=b"), "a=b");
    has(refused("snapshots rm verbs-committed"), "children");
    ctr("snapshots rm verbs-view");
    ctr("snapshots rm verbs-committed");
    assertFalse(ctr("snapshots ls").contains("verbs-"));
    ctr("snapshots unpack %s", digestOf(Node.IMAGE));
    has(refused("snapshots --snapshotter zfs ls"), "not loaded");
  }
}

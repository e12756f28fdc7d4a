package dev.retainerd.runtime.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.program.Program;
import dev.retainerd.runtime.program.Program.Output;
import dev.retainerd.runtime.scenario.StockContainerd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * retainctl against Debian's containerd: the same API as ours, by somebody else, so that a
 * misunderstanding of ours cannot hide on both sides. Needs root, dist/, containerd and runc.
 */
@Tag("real")
class RetainctlOnContainerdTest {
  private static final Path RETAINCTL =
      Path.of("..", "dist", "bin", "retainctl").toAbsolutePath().normalize();

  private static final String IMAGE = "docker.io/library/one:1";

  private Path folder;
  private Process containerd;

  @BeforeEach
  void start() throws Exception {
    // Short: the shim's socket path has to fit into 108 bytes.
    folder = Files.createTempDirectory(Path.of("/tmp"), "rctl");
    containerd = StockContainerd.start(folder);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (retainctl("version").code() != 0) {
      assertTrue(System.nanoTime() < end && containerd.isAlive(), "containerd does not answer");
    }
    OneImage.oci(folder.resolve("oci.tar"), IMAGE);
    succeeds("images", "import", folder.resolve("oci.tar").toString());
  }

  @AfterEach
  void stop() throws Exception {
    for (String id : succeeds("tasks", "ls", "-q").out().split("\n")) {
      if (!id.isBlank()) {
        retainctl("tasks", "rm", "-f", id);
      }
    }
    containerd.destroy();
    containerd.waitFor(20, TimeUnit.SECONDS);
    new Program(
            List.of(
                "sh", "-c", "grep -o '" + folder + "[^ ]*' /proc/self/mounts | xargs -r umount -l"))
        .run(90);
    new Program(List.of("rm", "-rf", "--one-file-system", folder.toString())).run(90);
  }

  private Output retainctl(String... arguments) throws Exception {
    return fed("", arguments);
  }

  private Output fed(String stdin, String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(RETAINCTL.toString(), "-a", StockContainerd.socket(folder).toString()));
    command.addAll(List.of(arguments));
    return new Program(command).fed(stdin).run(90);
  }

  private Output succeeds(String... arguments) throws Exception {
    Output answer = retainctl(arguments);
    assertEquals(0, answer.code(), answer.err());
    return answer;
  }

  @Test
  void imagesAreImportedNamedAndRemoved() throws Exception {
    OneImage.docker(folder.resolve("docker.tar"), "two:2");
    succeeds("i", "import", folder.resolve("docker.tar").toString());
    succeeds("i", "tag", IMAGE, "docker.io/library/three:3");
    String listed = succeeds("i", "ls").out();
    assertTrue(listed.contains("docker.io/library/two:2") && listed.contains("three:3"), listed);
    String checked = succeeds("i", "check").out();
    assertTrue(checked.contains("complete (3/3)") && checked.contains("true"), checked);
    succeeds("i", "rm", "docker.io/library/two:2", "docker.io/library/three:3");
    assertEquals(IMAGE + "\n", succeeds("i", "ls", "-q").out());
    Output missing = retainctl("i", "rm", "docker.io/library/nope:1");
    assertEquals(1, missing.code());
    assertEquals(1, missing.err().lines().count(), missing.err());
  }

  @Test
  void aLayerThatIsThereAlreadyIsNoReasonToRefuseAnArchive() throws Exception {
    String before = succeeds("content", "ls", "-q").out();
    OneImage.docker(folder.resolve("docker.tar"), "two:2");
    for (int round = 0; round < 2; round++) {
      succeeds("i", "import", folder.resolve("docker.tar").toString());
      // The layer and the config are the first image's: the manifest alone is new.
      List<String> added = new ArrayList<>(succeeds("content", "ls", "-q").out().lines().toList());
      added.removeAll(before.lines().toList());
      assertEquals(1, added.size(), added.toString());
      assertEquals(
          1, succeeds("content", "active").out().lines().count(), "nothing is left under way");
    }
    assertEquals(0, succeeds("run", "--rm", "docker.io/library/two:2", "one", "true").code());
  }

  @Test
  void aRunGivesOutputErrorsInputAndStatus() throws Exception {
    Output ran =
        fed(
            "typed\n",
            "run",
            "--rm",
            "--env",
            "A=b",
            IMAGE,
            "one",
            "sh",
            "-c",
            "cat; echo $A; echo wrong >&2; exit 7");
    assertEquals(7, ran.code(), ran.err());
    assertEquals("typed\nb\n", ran.out());
    assertEquals("wrong\n", ran.err());
    assertEquals("", succeeds("c", "ls", "-q").out());
    assertTrue(!succeeds("snapshots", "ls").out().contains("one "), "its snapshot is gone too");
  }

  @Test
  void aCommandThatIsNotThereLeavesNothing() throws Exception {
    Output ran = retainctl("run", "--rm", IMAGE, "one", "/no/such/thing");
    assertEquals(1, ran.code());
    assertTrue(ran.err().startsWith("retainctl: "), ran.err());
    assertEquals("", succeeds("c", "ls", "-q").out());
  }

  @Test
  void aDetachedContainerIsSeenExecedPausedAndKilled() throws Exception {
    succeeds("run", "-d", IMAGE, "bg", "sleep", "600");
    assertTrue(succeeds("t", "ls").out().matches("(?s).*bg +\\d+ +RUNNING.*"));
    Output inside = retainctl("t", "exec", "--exec-id", "e1", "bg", "sh", "-c", "echo in; exit 3");
    assertEquals(3, inside.code(), inside.err());
    assertEquals("in\n", inside.out());
    succeeds("t", "pause", "bg");
    assertTrue(succeeds("t", "ls").out().contains("PAUSED"));
    succeeds("t", "resume", "bg");
    assertTrue(succeeds("t", "metrics", "bg").out().contains("memory.usage"));
    Output early = retainctl("c", "rm", "bg");
    assertEquals(1, early.code());
    assertTrue(early.err().contains("tasks kill -s KILL bg"), early.err());
    succeeds("t", "rm", "-f", "bg");
    succeeds("c", "rm", "bg");
    assertEquals("", succeeds("c", "ls", "-q").out());
  }

  @Test
  void recordsAreMadeLabelledAndListed() throws Exception {
    succeeds("ns", "create", "other", "a=b");
    succeeds("ns", "label", "other", "a=c");
    assertTrue(succeeds("ns", "ls").out().contains("other   a=c"), succeeds("ns", "ls").out());
    succeeds("c", "create", "--label", "k=v", IMAGE, "made");
    assertTrue(succeeds("c", "info", "made").out().contains("\"k\": \"v\""));
    assertEquals("k=w\n", succeeds("c", "label", "made", "k=w").out().replaceAll("[^,]*,", ""));
    assertTrue(succeeds("snapshots", "tree").out().contains("\\_ made"));
    succeeds("c", "rm", "made");
    String lease = succeeds("leases", "create", "-x", "1h").out().strip();
    assertTrue(succeeds("leases", "ls").out().contains(lease));
    succeeds("leases", "rm", lease);
    succeeds("ns", "rm", "other");
  }
}

package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Debian's own containerd and ctr, with this shim as {@code io.containerd.retain.v1}. */
@Tag("real")
class StockContainerdTest {
  private static final String RUNTIME = "io.containerd.retain.v1";

  private Path root;
  private Process containerd;

  @BeforeEach
  void start() throws Exception {
    root = Files.createTempDirectory("shim-stock-");
    Path bin = Files.createDirectories(root.resolve("bin"));
    Path launcher = bin.resolve("containerd-shim-retain-v1");
    List<String> java = new ArrayList<>(ShimHarness.javaCommand());
    java.add(1, "-Dretain.shim.launcher=" + launcher);
    Files.writeString(launcher, "#!/bin/sh\nexec " + String.join(" ", java) + " \"$@\"\n");
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path rootfs = root.resolve("rootfs");
    for (String folder : List.of("bin", "proc", "dev", "sys", "run", "tmp", "etc")) {
      Files.createDirectories(rootfs.resolve(folder));
    }
    Files.copy(Path.of("/bin/busybox"), rootfs.resolve("bin/busybox"));
    for (String applet : List.of("sh", "echo", "sleep", "cat")) {
      Files.createSymbolicLink(rootfs.resolve("bin").resolve(applet), Path.of("busybox"));
    }
    Files.writeString(
        root.resolve("config.toml"),
        "version = 2\nroot = \""
            + root.resolve("root")
            + "\"\nstate = \""
            + root.resolve("state")
            + "\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = \""
            + root.resolve("sock")
            + "\"\n[ttrpc]\n  address = \""
            + root.resolve("sock.ttrpc")
            + "\"\n");
    startContainerd();
  }

  private void startContainerd() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder("containerd", "--config", root.resolve("config.toml").toString())
            .redirectErrorStream(true)
            .redirectOutput(root.resolve("log").toFile());
    String path = root.resolve("bin") + ":" + System.getenv("PATH");
    builder.environment().put("PATH", path);
    containerd = builder.start();
    ShimHarness.awaitTrue("containerd's answer", () -> ctr("version").status() == 0);
  }

  private record Result(int status, String output) {}

  private Result ctr(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(List.of("ctr", "--address", root.resolve("sock").toString()));
    command.addAll(Arrays.asList(arguments));
    Path output = Files.createTempFile(root, "ctr", ".out");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(output.toFile())
            .start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("ctr hung: " + command + ": " + Files.readString(output));
    }
    return new Result(process.exitValue(), Files.readString(output));
  }

  private Result run(String id, String... command) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "run",
                "--rm",
                "--rootfs",
                "--runtime",
                RUNTIME,
                root.resolve("rootfs").toString()));
    all.add(id);
    all.addAll(Arrays.asList(command));
    return ctr(all.toArray(new String[0]));
  }

  private void runDetached(String id, String... command) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "run", "-d", "--rootfs", "--runtime", RUNTIME, root.resolve("rootfs").toString()));
    all.add(id);
    all.addAll(Arrays.asList(command));
    Result result = ctr(all.toArray(new String[0]));
    assertEquals(0, result.status(), result.output());
  }

  @AfterEach
  void stop() throws Exception {
    for (String line : ctr("task", "ls", "-q").output().split("\n")) {
      ctr("task", "kill", "-s", "KILL", line);
      ctr("task", "rm", "-f", line);
    }
    containerd.destroy();
    containerd.waitFor(20, TimeUnit.SECONDS);
    List<Path> files;
    try (Stream<Path> all = Files.walk(root)) {
      files = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : files) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        assertTrue(Files.exists(file, LinkOption.NOFOLLOW_LINKS), "left over: " + e);
      }
    }
  }

  @Test
  void ctrRunsShowsAndGetsTheStatus() throws Exception {
    Result result = run("c1", "/bin/sh", "-c", "echo through containerd; exit 7");
    assertEquals(7, result.status(), result.output());
    assertTrue(result.output().contains("through containerd"), result.output());
    result = run("c1", "/no/such/program");
    assertTrue(result.output().contains("/no/such/program"), result.output());
  }

  @Test
  void ctrExecsPausesAndKills() throws Exception {
    runDetached("c1", "/bin/sleep", "1000");
    Result result =
        ctr("task", "exec", "--exec-id", "e1", "c1", "/bin/sh", "-c", "echo in; exit 5");
    assertEquals(5, result.status(), result.output());
    assertTrue(result.output().contains("in"), result.output());
    assertEquals(0, ctr("task", "pause", "c1").status());
    assertTrue(ctr("task", "ls").output().contains("PAUSED"));
    assertEquals(0, ctr("task", "resume", "c1").status());
    assertTrue(ctr("task", "metrics", "c1").output().contains("memory"));
    assertEquals(0, ctr("task", "kill", "-s", "KILL", "c1").status());
    ShimHarness.awaitTrue("STOPPED", () -> ctr("task", "ls").output().contains("STOPPED"));
    assertEquals(0, ctr("container", "rm", "nope").status() == 0 ? 1 : 0);
    assertTrue(ctr("task", "rm", "c1").output().contains("137"));
    assertEquals(0, ctr("container", "rm", "c1").status());
  }

  /** script gives ctr the terminal that it insists on. */
  @Test
  void ctrRunsAndExecsWithATerminal() throws Exception {
    runDetached("c1", "/bin/sleep", "1000");
    Path screen = root.resolve("screen");
    String call =
        "ctr --address "
            + root.resolve("sock")
            + " task exec -t --exec-id t1 c1 /bin/sh -c 'test -t 0 && echo a terminal; exit 6'";
    Process process =
        new ProcessBuilder("script", "-qec", call, "/dev/null")
            .redirectErrorStream(true)
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(screen.toFile())
            .start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "ctr hangs in its terminal");
    assertEquals(6, process.exitValue(), Files.readString(screen));
    assertTrue(Files.readString(screen).contains("a terminal"), Files.readString(screen));
    assertEquals(0, ctr("task", "kill", "-s", "KILL", "c1").status());
    ShimHarness.awaitTrue("STOPPED", () -> ctr("task", "ls").output().contains("STOPPED"));
    ctr("task", "rm", "c1");
    ctr("container", "rm", "c1");
  }

  /**
   * Where criu works the image is criu's. Elsewhere the runtime's own message must reach ctr: the
   * call goes all the way.
   */
  @Test
  void ctrCheckpointsOrSaysWhyNot() throws Exception {
    runDetached("c1", "/bin/sleep", "1000");
    Path image = Files.createDirectories(root.resolve("image"));
    Result result = ctr("task", "checkpoint", "--image-path", image.toString(), "c1");
    if (result.status() == 0) {
      assertTrue(image.toFile().list().length > 0, "an empty checkpoint");
    } else {
      assertTrue(result.output().contains("criu failed"), result.output());
    }
    assertTrue(ctr("task", "ls").output().contains("RUNNING"), "it goes on either way");
    ctr("task", "kill", "-s", "KILL", "c1");
    ShimHarness.awaitTrue("STOPPED", () -> ctr("task", "ls").output().contains("STOPPED"));
    ctr("task", "rm", "c1");
    ctr("container", "rm", "c1");
  }

  @Test
  void exitWhileContainerdIsDeadIsToldWithItsRealCode() throws Exception {
    runDetached("c1", "/bin/sh", "-c", "sleep 1; exit 42");
    containerd.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    Thread.sleep(1_500);
    startContainerd();
    ShimHarness.awaitTrue("STOPPED", () -> ctr("task", "ls").output().contains("STOPPED"));
    Result removed = ctr("task", "rm", "c1");
    assertTrue(removed.output().contains("42"), removed.output());
    ctr("container", "rm", "c1");
  }
}

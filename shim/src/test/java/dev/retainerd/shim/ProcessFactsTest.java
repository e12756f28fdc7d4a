package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.PidsRequest;
import dev.retainerd.shim.wire.task.ProcessInfo;
import dev.retainerd.shim.wire.task.StartRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Who a process is, who may call, and that thousands of execs leave nothing behind. */
@Tag("real")
class ProcessFactsTest {
  private static final int EXECS = Integer.getInteger("shim.test.execs", 20_000);

  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private static String process(String user, String cwd, String env, String script) {
    return ShimHarness.processJson(false, "sh", "-c", script)
        .replace("\"user\":{\"uid\":0,\"gid\":0}", "\"user\":" + user)
        .replace("\"cwd\":\"/\"", "\"cwd\":\"" + cwd + "\"")
        .replace("[\"PATH=/bin\"]", "[\"PATH=/bin\",\"" + env + "\"]");
  }

  @Test
  void userGroupsFolderAndEnvironmentAreTheProcessesOwn() throws Exception {
    String facts =
        "while read -r name value; do case $name in Uid:|Gid:|Groups:) echo $name $value;; esac;"
            + " done </proc/self/status; echo $PWD; echo $MARK";
    Path bundle = harness.bundle("c1", "true");
    String user = "{\"uid\":1234,\"gid\":77,\"additionalGids\":[5,6]}";
    Files.writeString(
        bundle.resolve("config.json"),
        harness
            .config("c1", false, "true")
            .replace(
                ShimHarness.processJson(false, "true"),
                process(user, "/tmp", "MARK=init", facts + "; sleep 1000")));
    Path log = bundle.resolve("out.log");
    harness.tasks.create(
        harness.request("c1", bundle).setStdout("cri://" + log).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    ShimHarness.awaitTrue(
        "its facts", () -> Files.exists(log) && ShimHarness.content(log).contains("init"));
    assertEquals(
        "Uid: 1234 1234 1234 1234\nGid: 77 77 77 77\nGroups: 5 6\n/tmp\ninit\n",
        ShimHarness.content(log).replace("\t", " "));
    Path out = harness.root.resolve("exec.out");
    harness.tasks.exec(
        ExecProcessRequest.newBuilder()
            .setId("c1")
            .setExecId("e1")
            .setStdout("file://" + out)
            .setSpec(
                Any.newBuilder()
                    .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/Process")
                    .setValue(
                        ByteString.copyFromUtf8(
                            process(
                                "{\"uid\":7,\"gid\":8,\"additionalGids\":[9]}",
                                "/bin",
                                "MARK=exec",
                                facts))))
            .build(),
        ShimHarness.PATIENCE);
    harness.tasks.start(
        StartRequest.newBuilder().setId("c1").setExecId("e1").build(), ShimHarness.PATIENCE);
    assertEquals(0, harness.await("c1", "e1").getExitStatus());
    assertEquals(
        "Uid: 7 7 7 7\nGid: 8 8 8 8\nGroups: 9\n/bin\nexec\n",
        Files.readString(out).replace("\t", " "));
    List<ProcessInfo> pids =
        harness
            .tasks
            .pids(PidsRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE)
            .getProcessesList();
    assertTrue(pids.size() >= 1, pids.toString());
  }

  /** A caller of another uid gets no byte out of the shim, even where the file lets it in. */
  @Test
  void strangersAreTurnedAway() throws Exception {
    Path folder = harness.root.resolve("shim0");
    Path socket = folder.resolve("sock");
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
    for (Path open : List.of(harness.root, folder, socket)) {
      Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    }
    Path caller = harness.root.resolve("Stranger.java");
    Files.writeString(
        caller,
        """
        import java.net.*; import java.nio.*; import java.nio.channels.*; import java.nio.file.*;
        void main(String[] arguments) throws Exception {
          try (SocketChannel socket =
              SocketChannel.open(UnixDomainSocketAddress.of(arguments[0]))) {
            socket.write(ByteBuffer.allocate(10));
            System.out.println("read " + socket.read(ByteBuffer.allocate(100)));
          } catch (java.io.IOException e) {
            System.out.println("refused");
          }
        }
        """);
    Process stranger =
        new ProcessBuilder(
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                ProcessHandle.current().info().command().orElse("java"),
                caller.toString(),
                socket.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(stranger.getInputStream().readAllBytes()).strip();
    assertTrue(said.equals("read -1") || said.equals("refused"), said);
    try (TtrpcClient again = TtrpcClient.connect(socket, () -> {})) {
      assertTrue(again.isOpen());
    }
    assertTrue(harness.shim.info(ShimHarness.PATIENCE).getPid() > 0);
  }

  /** Without pages that are copies of files: those come and go, and no growth is in them. */
  private long ownKib() throws Exception {
    for (String line :
        Files.readAllLines(Path.of("/proc/" + harness.process.pid() + "/smaps_rollup"))) {
      if (line.startsWith("Pss_Anon:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    throw new IllegalStateException("this kernel does not tell anonymous memory apart");
  }

  private int descriptors() {
    return new java.io.File("/proc/" + harness.process.pid() + "/fd").list().length;
  }

  private void execs(int from, int count) throws Exception {
    List<Thread> callers = new java.util.ArrayList<>();
    var wrong = new java.util.concurrent.ConcurrentLinkedQueue<String>();
    int lanes = 6;
    for (int lane = 0; lane < lanes; lane++) {
      int first = from + lane;
      callers.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int i = first; i < from + count && wrong.isEmpty(); i += lanes) {
                      try {
                        String id = "e" + i;
                        harness.exec("c1", id, "", "true");
                        int code = harness.await("c1", id).getExitStatus();
                        harness.tasks.delete(
                            DeleteRequest.newBuilder().setId("c1").setExecId(id).build(),
                            ShimHarness.PATIENCE);
                        if (code != 0) {
                          wrong.add(id + " ended with " + code);
                        }
                      } catch (Exception e) {
                        wrong.add("exec " + i + ": " + e);
                      }
                    }
                  }));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertEquals(List.of(), List.copyOf(wrong));
  }

  private void expectNoGrowth(int warm, int count, long kib) throws Exception {
    harness.run("c1", "sleep", "1000");
    execs(0, warm);
    long before = ownKib();
    int open = descriptors();
    execs(warm, count);
    long growth = ownKib() - before;
    System.out.println(count + " execs: the shim grew by " + growth + " KiB from " + before);
    assertTrue(growth < kib, count + " execs cost " + growth + " KiB");
    assertTrue(descriptors() <= open + 2, "descriptors grew from " + open + " to " + descriptors());
    assertEquals(0, harness.shim.info(ShimHarness.PATIENCE).getContainers(0).getExecIdsCount());
    Path execs = harness.root.resolve("bundles/c1/retain/exec");
    assertTrue(!Files.exists(execs) || execs.toFile().list().length == 0, "an exec left files");
  }

  @Test
  void fourHundredExecsLeaveNothing() throws Exception {
    // Half warm-up: code that gets compiled is growth as well, and ends.
    expectNoGrowth(200, 200, 2048);
  }

  /** Case 19. */
  @Test
  @Tag("soak")
  void twentyThousandExecsLeaveNothing() throws Exception {
    expectNoGrowth(1000, EXECS, 2048);
  }
}

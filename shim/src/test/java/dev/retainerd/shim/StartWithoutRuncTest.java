package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.task.CreateTaskRequest;
import dev.retainerd.shim.wire.task.ExecProcessRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A start reads runc's FIFO itself, and leaves to runc what is more than that. */
@Tag("real")
class StartWithoutRuncTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  /** runc, which notes what it was asked for. */
  private Path noting(String name) throws Exception {
    Files.createDirectories(harness.root.resolve("bin"));
    return harness.script(
        "bin/" + name,
        "for word; do case $word in create|start|delete|exec) echo $word >>"
            + harness.root
            + "/verbs; break;; esac; done\nexec /usr/sbin/runc \"$@\"");
  }

  private List<String> verbs() throws Exception {
    return Files.readAllLines(harness.root.resolve("verbs"));
  }

  private Path bundle(String id, String hooks) throws Exception {
    Path bundle = harness.bundle(id, "sh", "-c", "echo up; sleep 1000");
    String config = harness.config(id, false, "sh", "-c", "echo up; sleep 1000");
    Files.writeString(bundle.resolve("config.json"), "{" + hooks + config.substring(1));
    return bundle;
  }

  private CreateTaskRequest request(String id, Path bundle, Path runtime) {
    String out = "cri://" + bundle.resolve("out.log");
    return harness.request(id, bundle, runtime.toString()).setStdout(out).build();
  }

  private void create(String id, Path bundle, Path runtime) throws Exception {
    harness.tasks.create(request(id, bundle, runtime), ShimHarness.PATIENCE);
  }

  /** Fails where it is not refused; its refusal's sentence. */
  private CompletableFuture<String> refused(Executable call) {
    return CompletableFuture.supplyAsync(
        () -> assertThrows(TtrpcException.class, call).getMessage());
  }

  private void lifeOf(String id, Path bundle, Path runtime) throws Exception {
    create(id, bundle, runtime);
    harness.start(id);
    Path state = harness.root.resolve("runc").resolve(ShimHarness.NAMESPACE).resolve(id);
    assertTrue(Files.exists(state.resolve("state.json")));
    assertFalse(Files.exists(state.resolve("exec.fifo")), "for runc it is not started yet");
    ShimHarness.awaitTrue(
        "its output", () -> ShimHarness.content(bundle.resolve("out.log")).equals("up\n"));
    harness.exec(id, "e1", "", "true");
    assertEquals(0, harness.await(id, "e1").getExitStatus());
    harness.kill(id, 9);
    assertEquals(137, harness.await(id, "").getExitStatus());
    harness.delete(id);
    assertEquals(List.of(), ShimHarness.leftOf(id));
  }

  @Test
  void runcIsNotAskedToStart() throws Exception {
    lifeOf("s1", bundle("s1", ""), noting("runc"));
    assertEquals(List.of("create", "exec", "delete"), verbs());
  }

  /** Whatever stands before runc may want to see all of it. */
  @Test
  void anythingUnderAnotherNameIsAsked() throws Exception {
    lifeOf("s2", bundle("s2", ""), noting("runc-of-another"));
    assertEquals(List.of("create", "start", "exec", "delete"), verbs());
  }

  /** runc up to 1.5 runs them in its create, later ones in their start. */
  @Test
  void poststartHooksAreRuncs() throws Exception {
    Path ran = harness.root.resolve("hook-ran");
    Path hook = harness.script("hook", "cat >" + ran);
    String hooks = "\"hooks\":{\"poststart\":[{\"path\":\"" + hook + "\"}]},";
    lifeOf("s3", bundle("s3", hooks), noting("runc"));
    assertEquals(List.of("create", "start", "exec", "delete"), verbs());
    assertTrue(Files.readString(ran).contains("\"s3\""));
  }

  private int run(String id, Path bundle, Path runtime) throws Exception {
    return harness.tasks.run(request(id, bundle, runtime), ShimHarness.PATIENCE).getPid();
  }

  /** Our own call for both: one step on disk less, and the same end. */
  @Test
  void runIsCreateAndStart() throws Exception {
    Path bundle = bundle("r1", "");
    int pid = run("r1", bundle, noting("runc"));
    ShimHarness.awaitTrue(
        "its program",
        () -> Files.readString(Path.of("/proc/" + pid + "/cmdline")).contains("sleep"));
    ExecProcessRequest exec =
        ExecProcessRequest.newBuilder()
            .setId("r1")
            .setExecId("e1")
            .setSpec(
                Any.newBuilder()
                    .setValue(
                        ByteString.copyFromUtf8(
                            ShimHarness.processJson(false, "sh", "-c", "exit 5"))))
            .build();
    assertTrue(harness.tasks.runExec(exec, ShimHarness.PATIENCE).getPid() > 0);
    assertEquals(5, harness.await("r1", "e1").getExitStatus());
    harness.killShim();
    harness.startShim();
    assertTrue(harness.adopt("r1", "").getAdopted());
    assertEquals(5, harness.await("r1", "e1").getExitStatus());
    harness.kill("r1", 9);
    assertEquals(137, harness.await("r1", "").getExitStatus());
    harness.delete("r1");
    assertEquals(List.of("create", "exec", "delete"), verbs());
    assertEquals(List.of(), ShimHarness.leftOf("r1"));
  }

  @Test
  void aRunWhoseStartFailsLeavesNothing() throws Exception {
    Path bundle = bundle("r2", "");
    Path runtime =
        harness.script(
            "runc-that-does-not-start",
            "case \" $* \" in *' start '*) exit 9;; esac\nexec runc \"$@\"");
    assertThrows(TtrpcException.class, () -> run("r2", bundle, runtime));
    assertFalse(Files.exists(bundle.resolve("retain")));
    assertEquals(List.of(), ShimHarness.leftOf("r2"));
    run("r2", bundle, noting("runc"));
    harness.kill("r2", 9);
    assertEquals(137, harness.await("r2", "").getExitStatus());
    harness.delete("r2");
  }

  /** It is created then, and can be started, or deleted. */
  @Test
  void aShimKilledInARunLeavesWhatItHasReached() throws Exception {
    Path bundle = bundle("r3", "");
    Path runtime =
        harness.script(
            "runc-slow-to-start",
            "case \" $* \" in *' start '*) : >"
                + harness.root
                + "/began; sleep 1000;; esac\nexec runc \"$@\"");
    CompletableFuture<String> lost = refused(() -> run("r3", bundle, runtime));
    ShimHarness.awaitTrue("the start", () -> Files.exists(harness.root.resolve("began")));
    harness.killShim();
    lost.get(20, TimeUnit.SECONDS);
    harness.startShim();
    assertTrue(harness.adopt("r3", "").getAdopted());
    StateRequest asked = StateRequest.newBuilder().setId("r3").build();
    assertEquals(Status.CREATED, harness.tasks.state(asked, ShimHarness.PATIENCE).getStatus());
    harness.kill("r3", 9);
    assertEquals(137, harness.await("r3", "").getExitStatus());
    harness.delete("r3");
    assertEquals(List.of(), ShimHarness.leftOf("r3"));
  }

  /** An init that died before its start is refused in runc's words, and nobody waits for it. */
  @Test
  void anInitThatIsGoneIsRefused() throws Exception {
    Path bundle = bundle("s4", "");
    create("s4", bundle, noting("runc"));
    Files.writeString(ShimHarness.freezerOf("s4"), "FROZEN");
    CompletableFuture<String> starting = refused(() -> harness.start("s4"));
    ShimHarness.awaitTrue("who lets init go", () -> harness.hasChild("exec.fifo"));
    harness.kill("s4", 9);
    Files.writeString(ShimHarness.freezerOf("s4"), "THAWED");
    String refusal = starting.get(20, TimeUnit.SECONDS);
    assertTrue(refusal.contains("OCI runtime start failed"), refusal);
    assertEquals(137, harness.await("s4", "").getExitStatus());
    assertFalse(harness.hasChild("exec.fifo"));
    harness.delete("s4");
    assertEquals(List.of(), ShimHarness.leftOf("s4"));
  }
}

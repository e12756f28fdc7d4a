package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.runc.Options;
import dev.retainerd.shim.wire.task.DeleteRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The OCI runtime is killed in the middle, hangs, is missing, or is crun. */
@Tag("real")
class RuntimeFaultsTest {
  private ShimHarness harness;

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private void nothingIsLeft(Path bundle, String id) throws Exception {
    assertFalse(Files.exists(bundle.resolve("retain")));
    assertEquals(List.of(), ShimHarness.leftOf(id));
    assertFalse(
        Files.exists(harness.root.resolve("runc").resolve(ShimHarness.NAMESPACE).resolve(id)));
  }

  /** Case 27: at several instants of a create, runc is gone; the container must not be stuck. */
  @Test
  void killedInTheMiddleOfACreate() throws Exception {
    harness = new ShimHarness();
    // The wrapper says its pid and becomes runc, so that we kill runc itself.
    Path runtime =
        harness.script(
            "runc-seen",
            "case \" $* \" in *' create '*) echo $$ >"
                + harness.root
                + "/pid.new; mv "
                + harness.root
                + "/pid.new "
                + harness.root
                + "/pid;; esac\nexec runc \"$@\"");
    int failed = 0;
    for (int millis : new int[] {0, 3, 6, 9, 12, 15, 20, 25, 30, 40}) {
      String id = "k" + millis;
      Path bundle = harness.bundle(id, "true");
      Files.deleteIfExists(harness.root.resolve("pid"));
      CompletableFuture<Boolean> refused =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  harness.tasks.create(
                      harness.request(id, bundle, runtime.toString()).build(),
                      ShimHarness.PATIENCE);
                  return false;
                } catch (TtrpcException e) {
                  return true;
                }
              });
      ShimHarness.awaitTrue("runc", () -> Files.exists(harness.root.resolve("pid")));
      Thread.sleep(millis);
      ProcessHandle.of(Long.parseLong(Files.readString(harness.root.resolve("pid")).strip()))
          .ifPresent(ProcessHandle::destroyForcibly);
      if (refused.join()) {
        failed++;
        nothingIsLeft(bundle, id);
        // The same id again, with a runtime that is let live.
        harness.tasks.create(harness.request(id, bundle).build(), ShimHarness.PATIENCE);
      }
      harness.delete(id);
      nothingIsLeft(bundle, id);
    }
    assertTrue(failed > 0, "runc was never killed in the middle");
  }

  @Test
  void hangingIsEndedAtItsDeadlineAndCleanedUp() throws Exception {
    harness = new ShimHarness(List.of(), List.of("--runtime-timeout", "1500"));
    Path hangs =
        harness.script(
            "runc-hangs",
            "case \" $* \" in *' create '*|*' exec '*) runc \"$@\"; exec sleep 1000;; esac\n"
                + "exec runc \"$@\"");
    Path bundle = harness.bundle("h1", "sleep", "1000");
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.create(
                    harness.request("h1", bundle, hangs.toString()).build(), ShimHarness.PATIENCE));
    assertEquals(StatusCode.DEADLINE_EXCEEDED, refusal.code());
    assertTrue(
        refusal.getMessage().contains("create did not end within 1.5 s"), refusal.getMessage());
    nothingIsLeft(bundle, "h1");
    // One that hangs in exec costs the exec, not the container.
    Path hangsInExec =
        harness.script(
            "exec-hangs", "case \" $* \" in *' exec '*) exec sleep 1000;; esac\nexec runc \"$@\"");
    harness.tasks.create(
        harness.request("h1", bundle, hangsInExec.toString()).build(), ShimHarness.PATIENCE);
    harness.start("h1");
    refusal = assertThrows(TtrpcException.class, () -> harness.exec("h1", "e1", "", "true"));
    assertEquals(StatusCode.DEADLINE_EXCEEDED, refusal.code());
    harness.tasks.delete(
        DeleteRequest.newBuilder().setId("h1").setExecId("e1").build(), ShimHarness.PATIENCE);
    harness.kill("h1", 9);
    assertEquals(137, harness.await("h1", "").getExitStatus());
    harness.delete("h1");
    nothingIsLeft(bundle, "h1");
  }

  @Test
  void missingIsSaidByName() throws Exception {
    harness = new ShimHarness();
    Path bundle = harness.bundle("m1", "true");
    for (String runtime : List.of("/no/such/runtime", "no-such-runtime", "../runc")) {
      TtrpcException refusal =
          assertThrows(
              TtrpcException.class,
              () ->
                  harness.tasks.create(
                      harness.request("m1", bundle, runtime).build(), ShimHarness.PATIENCE));
      assertEquals(StatusCode.FAILED_PRECONDITION, refusal.code());
      assertTrue(refusal.getMessage().contains(runtime), refusal.getMessage());
    }
    nothingIsLeft(bundle, "m1");
    harness.tasks.create(harness.request("m1", bundle).build(), ShimHarness.PATIENCE);
    harness.delete("m1");
  }

  /** One that is gone by the time of a later call: the container can still be told about. */
  @Test
  void goneLaterIsSaidAndTheContainerStays() throws Exception {
    harness = new ShimHarness();
    Path runtime = harness.script("runc-here", "exec runc \"$@\"");
    Path bundle = harness.bundle("g1", "sleep", "1000");
    harness.tasks.create(
        harness.request("g1", bundle, runtime.toString()).build(), ShimHarness.PATIENCE);
    Files.move(runtime, runtime.resolveSibling("away"));
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.start(
                    StartRequest.newBuilder().setId("g1").build(), ShimHarness.PATIENCE));
    assertTrue(refusal.getMessage().contains("runc-here"), refusal.getMessage());
    Files.move(runtime.resolveSibling("away"), runtime);
    harness.start("g1");
    harness.kill("g1", 9);
    assertEquals(137, harness.await("g1", "").getExitStatus());
    harness.delete("g1");
    nothingIsLeft(bundle, "g1");
  }

  /** What the configuration says about the runtime is what it is called with. */
  @Test
  void optionsReachTheRuntime() throws Exception {
    harness = new ShimHarness();
    Path runtime =
        harness.script(
            "runc-told",
            "echo \"$*\" >>"
                + harness.root
                + "/told\n"
                // No systemd here: the rest of the call is runc's.
                + "set -- $(echo \"$*\" | sed 's/ --systemd-cgroup//')\nexec runc \"$@\"");
    Path bundle = harness.bundle("o1", "sleep", "1000");
    Path root = harness.root.resolve("another-root");
    harness.tasks.create(
        harness
            .request("o1", bundle)
            .setOptions(
                Any.newBuilder()
                    .setTypeUrl("containerd.runc.v1.Options")
                    .setValue(
                        Options.newBuilder()
                            .setBinaryName(runtime.toString())
                            .setRoot(root.toString())
                            .setSystemdCgroup(true)
                            .setNoPivotRoot(true)
                            .setNoNewKeyring(true)
                            .build()
                            .toByteString()))
            .build(),
        ShimHarness.PATIENCE);
    harness.start("o1");
    assertTrue(Files.isDirectory(root.resolve(ShimHarness.NAMESPACE).resolve("o1")));
    harness.kill("o1", 9);
    harness.await("o1", "");
    harness.delete("o1");
    List<String> told = Files.readAllLines(harness.root.resolve("told"));
    for (String line : told) {
      assertTrue(line.contains("--root " + root.resolve(ShimHarness.NAMESPACE)), line);
      assertTrue(line.contains("--systemd-cgroup"), line);
    }
    assertTrue(told.get(0).contains(" --no-pivot "), told.get(0));
    assertTrue(told.get(0).contains(" --no-new-keyring "), told.get(0));
  }

  /** crun 1.8.1 knows no hybrid layout: in a mount namespace of its own the shim shows it v1. */
  @Test
  void crunRunsExecsPausesAndSpeaksForItself() throws Exception {
    boolean hybrid = Files.isDirectory(Path.of("/sys/fs/cgroup/unified"));
    List<String> before =
        hybrid
            ? List.of(
                "unshare", "-m", "sh", "-c", "umount /sys/fs/cgroup/unified; exec \"$@\"", "sh")
            : List.of();
    harness = new ShimHarness(before, List.of());
    Path bundle = harness.bundle("c1", "sh", "-c", "echo by crun; sleep 1000");
    Path log = bundle.resolve("out.log");
    harness.tasks.create(
        harness.request("c1", bundle, "crun").setStdout("cri://" + log).build(),
        ShimHarness.PATIENCE);
    harness.start("c1");
    ShimHarness.awaitTrue("its output", () -> Files.exists(log) && Files.size(log) > 0);
    assertEquals("by crun\n", ShimHarness.content(log));
    harness.exec("c1", "e1", "", "sh", "-c", "exit 5");
    assertEquals(5, harness.await("c1", "e1").getExitStatus());
    harness.killShim();
    harness.startShim();
    assertTrue(harness.adopt("c1", "").getAdopted());
    harness.kill("c1", 9);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    harness.delete("c1");
    Path bad = harness.bundle("c2", "/no/such/program");
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.create(
                    harness.request("c2", bad, "crun").build(), ShimHarness.PATIENCE));
    assertTrue(refusal.getMessage().contains("/no/such/program"), refusal.getMessage());
    assertFalse(Files.exists(bad.resolve("retain")));
  }
}

package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Any;
import dev.retainerd.shim.wire.runc.CheckpointOptions;
import dev.retainerd.shim.wire.task.CheckpointTaskRequest;
import dev.retainerd.shim.wire.task.StateRequest;
import dev.retainerd.shim.wire.task.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Checkpoint and restore. With criu where it works; and everywhere with a runtime in whose place a
 * script writes the image and begins anew from it, so that the shim's part is proven without criu.
 */
@Tag("real")
class CheckpointTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private void checkpoint(String id, Path image, boolean exit) throws TtrpcException {
    harness.tasks.checkpoint(
        CheckpointTaskRequest.newBuilder()
            .setId(id)
            .setPath(image.toString())
            .setOptions(
                Any.newBuilder()
                    .setTypeUrl("containerd.runc.v1.CheckpointOptions")
                    .setValue(CheckpointOptions.newBuilder().setExit(exit).build().toByteString()))
            .build(),
        ShimHarness.PATIENCE);
  }

  private Status status(String id) throws Exception {
    return harness
        .tasks
        .state(StateRequest.newBuilder().setId(id).build(), ShimHarness.PATIENCE)
        .getStatus();
  }

  private static boolean criuWorks() throws Exception {
    Process check =
        new ProcessBuilder("criu", "check")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return check.waitFor(20, TimeUnit.SECONDS) && check.exitValue() == 0;
  }

  @Test
  void byCriu() throws Exception {
    assumeTrue(
        criuWorks(), "criu check fails on this kernel: criu 3.17 does not know its vDSO layout");
    lifeThroughAnImage("runc");
  }

  @Test
  void byARuntimeThatOnlyPretendsTheImage() throws Exception {
    Path runtime =
        harness.script(
            "runc-images",
            """
            id=; for id; do :; done
            case " $* " in
              *' checkpoint '*)
                image=; exits=yes
                for one; do
                  [ "$last" != --image-path ] || image=$one
                  [ "$one" != --leave-running ] || exits=
                  last=$one
                done
                mkdir -p "$image" && echo "$id" >"$image/written"
                echo "$*" >>"%1$s/asked"
                [ -z "$exits" ] || runc "$1" "$2" kill "$id" KILL
                exit 0;;
              *' restore '*)
                echo "$*" >>"%1$s/asked"
                # What is left of the call is a create and a start.
                set -- $(echo "$*" | sed 's/ restore --detach / create /; s/ --image-path [^ ]*//')
                runc "$@" || exit
                exec runc "$1" "$2" start "$id";;
            esac
            exec runc "$@"
            """
                .formatted(harness.root));
    lifeThroughAnImage(runtime.toString());
    String asked = Files.readString(harness.root.resolve("asked"));
    assertTrue(asked.contains("--leave-running"), asked);
    assertTrue(asked.contains("restore --detach --bundle"), asked);
  }

  private void lifeThroughAnImage(String runtime) throws Exception {
    Path bundle = harness.bundle("c1", "sleep", "1000");
    harness.tasks.create(harness.request("c1", bundle, runtime).build(), ShimHarness.PATIENCE);
    harness.start("c1");
    Path image = Files.createDirectories(harness.root.resolve("image"));
    checkpoint("c1", image, false);
    assertEquals(Status.RUNNING, status("c1"));
    checkpoint("c1", image, true);
    assertEquals(137, harness.await("c1", "").getExitStatus());
    harness.delete("c1");

    // Restored under another id; it has no process before its Start, and may be deleted so.
    Path second = harness.bundle("c2", "sleep", "1000");
    int pid =
        harness
            .tasks
            .create(
                harness.request("c2", second, runtime).setCheckpoint(image.toString()).build(),
                ShimHarness.PATIENCE)
            .getPid();
    assertEquals(0, pid);
    assertEquals(Status.CREATED, status("c2"));
    harness.killShim();
    harness.startShim();
    assertTrue(harness.adopt("c2", "").getAdopted());
    assertEquals(Status.CREATED, status("c2"));
    harness.start("c2");
    assertEquals(Status.RUNNING, status("c2"));
    harness.kill("c2", 9);
    assertEquals(137, harness.await("c2", "").getExitStatus());
    harness.delete("c2");
    Path third = harness.bundle("c3", "sleep", "1000");
    harness.tasks.create(
        harness.request("c3", third, runtime).setCheckpoint(image.toString()).build(),
        ShimHarness.PATIENCE);
    harness.delete("c3");
    assertFalse(Files.exists(third.resolve("retain")));
  }

  @Test
  void imageThatIsNotThereIsRefused() throws Exception {
    Path bundle = harness.bundle("c1", "true");
    TtrpcException refusal =
        assertThrows(
            TtrpcException.class,
            () ->
                harness.tasks.create(
                    harness.request("c1", bundle).setCheckpoint("/no/such/image").build(),
                    ShimHarness.PATIENCE));
    assertEquals(StatusCode.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.getMessage().contains("/no/such/image"), refusal.getMessage());
  }
}

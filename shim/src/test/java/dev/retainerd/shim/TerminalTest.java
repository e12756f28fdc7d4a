package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.DescriptorHolder;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import dev.retainerd.shim.wire.task.CloseIORequest;
import dev.retainerd.shim.wire.task.ResizePtyRequest;
import dev.retainerd.shim.wire.task.StartRequest;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Streams as ctr uses them: FIFOs of the client's, stdin, terminals. */
@Tag("real")
class TerminalTest {
  private ShimHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
  }

  @AfterEach
  void stop() throws Exception {
    harness.close();
  }

  private Path fifo(String name) throws Exception {
    Path path = harness.root.resolve(name);
    assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
    return path;
  }

  private static CompletableFuture<String> reader(Path fifo) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return Files.readString(fifo);
          } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
          }
        });
  }

  @Test
  void stdinEndsWhenItsWriterHasClosedAndSaidSo() throws Exception {
    Path in = fifo("in");
    Path out = fifo("out");
    Path bundle = harness.bundle("c1", "cat");
    CompletableFuture<String> shown = reader(out);
    harness.tasks.create(
        harness.request("c1", bundle).setStdin(in.toString()).setStdout(out.toString()).build(),
        ShimHarness.PATIENCE);
    harness.tasks.start(StartRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    try (OutputStream typed = Files.newOutputStream(in, StandardOpenOption.WRITE)) {
      typed.write("typed\n".getBytes());
    }
    harness.tasks.closeIo(
        CloseIORequest.newBuilder().setId("c1").setStdin(true).build(), ShimHarness.PATIENCE);
    assertEquals(0, harness.await("c1", "").getExitStatus());
    assertEquals("typed\n", shown.get(20, TimeUnit.SECONDS));
    harness.delete("c1");
  }

  @Test
  void terminalIsShownTypedIntoAndResized() throws Exception {
    Path in = fifo("in");
    Path out = fifo("out");
    Path bundle = harness.bundle("c1", "sh");
    Files.writeString(bundle.resolve("config.json"), harness.config("c1", true, "sh"));
    CompletableFuture<String> shown = reader(out);
    harness.tasks.create(
        harness
            .request("c1", bundle)
            .setTerminal(true)
            .setStdin(in.toString())
            .setStdout(out.toString())
            .build(),
        ShimHarness.PATIENCE);
    harness.tasks.start(StartRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
    harness.tasks.resizePty(
        ResizePtyRequest.newBuilder().setId("c1").setWidth(123).setHeight(45).build(),
        ShimHarness.PATIENCE);
    try (OutputStream typed = Files.newOutputStream(in, StandardOpenOption.WRITE)) {
      typed.write("stty size; echo an''swer; exit 4\n".getBytes());
    }
    assertEquals(4, harness.await("c1", "").getExitStatus());
    String screen = shown.get(20, TimeUnit.SECONDS);
    assertTrue(screen.contains("45 123"), screen);
    assertTrue(screen.contains("answer"), screen);
    harness.delete("c1");
  }

  @Test
  void heldTerminalGoesOnUnderASuccessor() throws Exception {
    Path socket = harness.root.resolve("holder");
    try (DescriptorHolder holder = DescriptorHolder.serve(socket)) {
      Path bundle = harness.bundle("c1", "sh");
      Files.writeString(
          bundle.resolve("config.json"),
          harness.config(
              "c1",
              true,
              "sh",
              "-c",
              "echo before; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo after; exit 8"));
      Path log = bundle.resolve("out.log");
      // Told once, the shim hands over what it makes later.
      harness.shim.sendDescriptors(
          SendDescriptorsRequest.newBuilder().setHolderSocket(socket.toString()).build(),
          ShimHarness.PATIENCE);
      harness.tasks.create(
          harness.request("c1", bundle).setTerminal(true).setStdout("cri://" + log).build(),
          ShimHarness.PATIENCE);
      harness.tasks.start(StartRequest.newBuilder().setId("c1").build(), ShimHarness.PATIENCE);
      ShimHarness.awaitTrue("the first line", () -> Files.exists(log) && Files.size(log) > 0);
      harness.killShim();
      harness.startShim();
      assertTrue(harness.adopt("c1", socket.toString()).getAdopted());
      Files.writeString(bundle.resolve("rootfs/tmp/go"), "");
      assertEquals(8, harness.await("c1", "").getExitStatus());
      assertEquals("before\r\nafter\r\n", ShimHarness.content(log));
      harness.shim.sendDescriptors(
          SendDescriptorsRequest.newBuilder().setHolderSocket(socket.toString()).build(),
          ShimHarness.PATIENCE);
      harness.delete("c1");
      assertEquals(0, holder.size());
    }
  }

  /** Daemon and shim die together: nobody of ours holds the master, and nobody is hung up. */
  @Test
  void terminalOutlivesShimAndDaemonTogether() throws Exception {
    Path bundle = harness.bundle("c1", "sh");
    Files.writeString(
        bundle.resolve("config.json"),
        harness.config(
            "c1",
            true,
            "sh",
            "-c",
            "echo before; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo after; exit 8"));
    Path log = bundle.resolve("out.log");
    harness.tasks.create(
        harness.request("c1", bundle).setTerminal(true).setStdout("cri://" + log).build(),
        ShimHarness.PATIENCE);
    harness.start("c1");
    ShimHarness.awaitTrue("the first line", () -> Files.exists(log) && Files.size(log) > 0);
    long pid = Long.parseLong(Files.readString(bundle.resolve("retain/pid")).trim());
    assertEquals(1, keepers(bundle));
    harness.killShim();
    // It even ends while nobody of ours lives: what it said last is in the terminal still.
    Files.writeString(bundle.resolve("rootfs/tmp/go"), "");
    ShimHarness.awaitTrue(
        "its end", () -> ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true));
    harness.startShim();
    dev.retainerd.shim.wire.retain.AdoptOutcome outcome = harness.adopt("c1", "");
    assertTrue(outcome.getAdopted());
    assertEquals("", outcome.getMessage());
    assertEquals(8, harness.await("c1", "").getExitStatus());
    assertEquals("before\r\nafter\r\n", ShimHarness.content(log));
    harness.delete("c1");
    ShimHarness.awaitTrue("no keeper", () -> keepers(bundle) == 0);
  }

  private static long keepers(Path bundle) throws Exception {
    long found = 0;
    String mark = "RETAIN_KEEPS_FOR=" + bundle.resolve("retain") + "\0";
    for (ProcessHandle process : ProcessHandle.allProcesses().toList()) {
      try {
        Path environment = Path.of("/proc/" + process.pid() + "/environ");
        found += Files.readString(environment).contains(mark) ? 1 : 0;
      } catch (java.io.IOException gone) {
        // Not ours to read, or over.
      }
    }
    return found;
  }
}

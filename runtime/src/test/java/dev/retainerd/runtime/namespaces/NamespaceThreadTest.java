package dev.retainerd.runtime.namespaces;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.retainerd.runtime.program.Program;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("real")
class NamespaceThreadTest {
  private static final Duration DEADLINE = Duration.ofSeconds(20);

  /**
   * One virtual thread waits for work in a network namespace. When that is done the only carrier
   * there is has another to carry, so that a second carrier has to be started.
   */
  static final class Crowded {
    private static volatile boolean busy;
    private static volatile boolean over;

    public static void main(String[] arguments) throws Exception {
      Path netns = Path.of(arguments[0]);
      Thread waiting =
          Thread.ofVirtual().unstarted(() -> System.out.println("work in " + inside(netns)));
      waiting.start();
      // Once it waits its carrier is free, and takes this one.
      while (waiting.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
      }
      Thread other =
          Thread.ofVirtual()
              .start(
                  () -> {
                    busy = true;
                    while (!over) {
                      Thread.onSpinWait();
                    }
                  });
      waiting.join();
      try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
        threads.forEach(thread -> System.out.println("thread in " + namespace(thread)));
      }
      over = true;
      other.join();
    }

    private static String inside(Path netns) {
      try {
        return NamespaceThread.insideNetwork(
            netns,
            DEADLINE,
            () -> {
              while (!busy) {
                Thread.onSpinWait();
              }
              return namespace(Path.of("/proc/thread-self"));
            });
      } catch (IOException e) {
        return e.toString();
      }
    }

    private static String namespace(Path thread) {
      try {
        return Files.readSymbolicLink(thread.resolve("ns/net")).toString();
      } catch (IOException e) {
        return "an end";
      }
    }
  }

  @Test
  void noThreadThatCarriesOthersIsBornInThere() throws Exception {
    Process holder = new ProcessBuilder("unshare", "-n", "sh", "-c", "echo; exec sleep 60").start();
    try {
      holder.getInputStream().read();
      Path netns = Path.of("/proc", Long.toString(holder.pid()), "ns/net");
      Program.Output output =
          new Program(
                  Program.java(
                      List.of(
                          "--enable-native-access=ALL-UNNAMED",
                          "-Djdk.virtualThreadScheduler.parallelism=2"),
                      Crowded.class,
                      netns.toString()))
              .run(60);
      assertEquals(0, output.code(), output.out() + output.err());
      List<String> lines = output.out().lines().distinct().sorted().toList();
      String ours = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
      assertEquals(
          List.of("thread in " + ours, "work in " + Files.readSymbolicLink(netns)),
          lines.stream().filter(line -> !line.equals("thread in an end")).toList());
    } finally {
      holder.destroyForcibly();
    }
  }
}

package dev.retainerd.store.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process that fills a store, without a WAL, is killed again and again: entries of different
 * kinds and the sequence they stand at come back as of one and the same event, never from two.
 */
class KilledStoreTest {
  private static final Key<NamespaceEntry> ONE = Kind.NAMESPACE.key("", "demo");
  private static final Key<SpecEntry> OTHER = Kind.SPEC.key("demo", "web");

  @TempDir Path folder;

  @Test
  void whatComesBackIsOfOneEvent() throws Exception {
    Random random = new Random(7);
    long before = 0;
    for (int round = 0; round < 6; round++) {
      Process child =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Child.class.getName(),
                  folder.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      try (BufferedReader lines = child.inputReader()) {
        long flushed = 0;
        for (int i = 3 + random.nextInt(40); i > 0; i--) {
          flushed = Long.parseLong(lines.readLine());
        }
        child.destroyForcibly().waitFor();
        before = expectOneEvent(Math.max(before, flushed));
      } finally {
        child.destroyForcibly().waitFor();
      }
    }
    assertTrue(before > 0);
  }

  private long expectOneEvent(long atLeast) throws Exception {
    try (RocksStore store = RocksStore.open(folder, "1", "node")) {
      long applied = store.appliedSequence();
      assertTrue(applied >= atLeast, applied + " after " + atLeast + " was flushed");
      assertEquals(Long.toString(applied), store.get(ONE).orElseThrow().getName());
      assertEquals(
          "event-" + applied, store.get(OTHER).orElseThrow().getSpec().getTypeUrl(), "the other");
      return applied;
    }
  }

  /** Applies events for ever; prints the last one before a flush that has ended. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) throws Exception {
      RocksStore store = RocksStore.open(Path.of(arguments[0]), "1", "node");
      for (long n = store.appliedSequence() + 1; ; n++) {
        SpecEntry.Builder spec = SpecEntry.newBuilder();
        spec.getSpecBuilder().setTypeUrl("event-" + n);
        store.apply(
            n,
            List.of(
                Delta.put(ONE, NamespaceEntry.newBuilder().setName(Long.toString(n)).build()),
                Delta.put(OTHER, spec.build())));
        if (n % 50 == 0) {
          store.flush();
          System.out.println(n);
        }
      }
    }
  }
}

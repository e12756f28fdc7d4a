package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.files.Archive;
import dev.retainerd.eventlog.files.Archiving;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A process that packs and removes generations dies at each step: none is in neither place. */
class KilledArchivingTest {
  @TempDir Path dir;

  /** The child: packs generation 1, or removes it where that was done, and dies at that step. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws Exception {
      Path dir = Path.of(args[0]);
      Archiving.Step step = Archiving.Step.valueOf(args[1]);
      Archiving.Boundary end =
          passed -> {
            if (passed == step) {
              Runtime.getRuntime().halt(137);
            }
          };
      ChronicleEventLog log = ChronicleEventLog.open(ArchivedLogTest.options(dir));
      if (args[2].equals("archive")) {
        Archive.Manifest packed = log.retained().pack(1, dir.resolve("log/archive"), end);
        log.retained().release(packed, end);
      } else {
        log.retained().remove(1, end);
      }
      Runtime.getRuntime().halt(3);
    }
  }

  private int child(Archiving.Step step, String what) throws Exception {
    Process child =
        WritingChild.start(
            dir.resolve("log"), List.of(), Child.class, List.of(dir.toString(), step.name(), what));
    return child.waitFor();
  }

  @ParameterizedTest
  @EnumSource(Archiving.Step.class)
  void killedWhileItArchives(Archiving.Step step) throws Exception {
    List<Envelope> before;
    try (ChronicleEventLog log = ChronicleEventLog.open(ArchivedLogTest.options(dir))) {
      ArchivedLogTest.write(log, 1000);
    }
    before = ArchivedLogTest.walked(dir, 1);
    assertEquals(1000, before.size());
    assertEquals(137, child(step, "archive"));
    assertEquals(before, ArchivedLogTest.walked(dir, 1));
    try (ChronicleEventLog log = ChronicleEventLog.open(ArchivedLogTest.options(dir))) {
      assertEquals(List.of(), log.status().damages());
      log.retained().sweep();
      ArchivedLogTest.archiveAll(log, dir.resolve("log/archive"), 1);
      assertEquals(before, ArchivedLogTest.walked(dir, 1));
    }
    assertEquals(List.of(), leftovers());
    if (step == Archiving.Step.OLD_PLACE_UNNAMED) {
      assertEquals(137, child(step, "remove"));
      List<Envelope> rest = ArchivedLogTest.walked(dir, 1);
      assertTrue(rest.getFirst().sequence() > 1);
      assertEquals(before.subList(before.size() - rest.size(), before.size()), rest);
      try (ChronicleEventLog log = ChronicleEventLog.open(ArchivedLogTest.options(dir))) {
        assertEquals(List.of(), log.status().damages());
        assertEquals(rest.getFirst().sequence(), log.firstSequence());
        log.retained().sweep();
      }
      assertEquals(List.of(), leftovers());
    }
  }

  private List<Path> leftovers() throws Exception {
    try (Stream<Path> tree = Files.walk(dir)) {
      return tree.filter(p -> p.toString().matches(".*\\.(partial|gone)")).toList();
    }
  }
}

package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A state that was folded from a snapshot on is the one that is folded from the first event on. */
class SnapshotStateTest {
  @TempDir Path folder;
  private Path log;

  @BeforeEach
  void aLogWithSnapshots() {
    log = folder.resolve("log");
    BusyNode.write(log, 9_000, 4, Optional.empty(), 2_000);
  }

  private void same(String at) {
    String folded =
        Rewind.run("state", log, "--at", at, "--json", "--no-snapshots").expect(0).text();
    assertEquals(folded, Rewind.run("state", log, "--at", at, "--json").expect(0).text(), at);
  }

  private List<Path> snapshots() throws IOException {
    try (Stream<Path> files = Files.list(log.resolve("snapshots"))) {
      return files.sorted().toList();
    }
  }

  @Test
  void everywhereTheStateIsTheSame() throws IOException {
    assertTrue(snapshots().size() >= 4, snapshots()::toString);
    for (String at : List.of("1", "1999", "2100", "4097", "6500", "8999", "end")) {
      same(at);
    }
    same("2026-11-24T00:00:00.3Z");
  }

  /** 64 events share a time here, 40 ms after those before: event 3200 is of second 2. */
  @Test
  void aTimeThatWasLivedThroughTwiceIsTheFirstTime() {
    for (long by : new long[] {-1_500_000_000L, 1_500_000_000L}) {
      log = folder.resolve("set" + by);
      BusyNode.writeWithSetClock(log, 9_000, 700, 5_000, by);
      for (String second : List.of("0.3", "1.0", "1.7", "2.2", "2.9", "3.1", "3.6", "4.4", "6.1")) {
        same("2026-11-24T00:00:0" + second + "Z");
      }
    }
    log = folder.resolve("set-1500000000");
    Rewind.Answer twice = Rewind.run("state", log, "--at", "2026-11-24T00:00:02.2Z").expect(0);
    assertTrue(twice.errors().contains("was lived through more than once"), twice.errors());
  }

  @Test
  void aDamagedSnapshotIsPassedOverAndSaidSo() throws IOException {
    for (Path snapshot : snapshots()) {
      byte[] bytes = Files.readAllBytes(snapshot);
      bytes[bytes.length / 2] ^= 1;
      Files.write(snapshot, bytes);
    }
    same("end");
    assertTrue(Rewind.run("state", log).expect(0).errors().contains("snapshot"), "a note about it");
  }

  @Test
  void aSnapshotThatNoEventNamesIsNotTrusted() throws IOException {
    Path other = folder.resolve("other");
    BusyNode.write(other, 9_000, 5, Optional.empty(), 2_000);
    List<Path> own = snapshots();
    try (Stream<Path> files = Files.list(other.resolve("snapshots"))) {
      List<Path> foreign = files.sorted().toList();
      for (int i = 0; i < own.size(); i++) {
        Files.write(own.get(i), Files.readAllBytes(foreign.get(Math.min(i, foreign.size() - 1))));
      }
    }
    same("end");
  }
}

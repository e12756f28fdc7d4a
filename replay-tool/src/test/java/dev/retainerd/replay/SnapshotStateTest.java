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
    Rewind.Answer folded =
        Rewind.run("state", log, "--at", at, "--json", "--no-snapshots", "--no-index").expect(0);
    Rewind.Answer answer = Rewind.run("state", log, "--at", at, "--json").expect(0);
    assertEquals(folded.text(), answer.text(), at);
    assertEquals(twice(folded), twice(answer), at);
  }

  private static boolean twice(Rewind.Answer answer) {
    return answer.errors().contains("was lived through more than once");
  }

  private void sameThroughTheIndex(String at) {
    Path index = folder.resolve("index");
    Rewind.run("index", log, "--index", index, "--anew").expect(0);
    Rewind.Answer read = Rewind.run("state", log, "--at", at, "--json", "--no-index").expect(0);
    Rewind.Answer told = Rewind.run("state", log, "--at", at, "--json", "--index", index).expect(0);
    assertEquals(read.text(), told.text(), at);
    assertEquals(twice(read), twice(told), at);
    assertTrue(told.errors().contains("times were found through the index"), told.errors());
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
      sameThroughTheIndex("2026-11-24T00:00:02.2Z");
      sameThroughTheIndex("2026-11-24T00:00:04.4Z");
    }
    log = folder.resolve("set-1500000000");
    Rewind.Answer twice = Rewind.run("state", log, "--at", "2026-11-24T00:00:02.2Z").expect(0);
    assertTrue(twice.errors().contains("was lived through more than once"), twice.errors());
  }

  /** By the snapshots alone the clock would look as if it had run evenly all the time. */
  @Test
  void aClockThatWasWrongForAWhileBetweenTwoSnapshotsIsNotMissed() {
    for (long by : new long[] {-1_500_000_000L, 1_500_000_000L}) {
      log = folder.resolve("excursion" + by);
      BusyNode.writeWithExcursion(log, 9_000, 5_200, 200, by);
      for (String second : List.of("0.3", "1.7", "1.9", "3.1", "3.3", "4.6", "4.8", "5.0")) {
        same("2026-11-24T00:00:0" + second + "Z");
      }
      sameThroughTheIndex("2026-11-24T00:00:04.6Z");
      sameThroughTheIndex("2026-11-24T00:00:01.8Z");
    }
    Rewind.Answer wrong = Rewind.run("state", log, "--at", "2026-11-24T00:00:04Z").expect(0);
    assertTrue(twice(wrong), wrong.errors());
    Rewind.Answer even = Rewind.run("state", log, "--at", "2026-11-24T00:00:01Z").expect(0);
    assertEquals(false, twice(even), even.errors());
  }

  @Test
  void aTimeAmongEventsThatCannotBeReadIsNoWholeAnswer() throws IOException {
    Path records;
    try (Stream<Path> files = Files.walk(log)) {
      records = files.filter(file -> file.toString().endsWith(".cq4")).findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(records);
    String whole = Rewind.run("state", log, "--at", "2026-11-24T00:00:00.3Z").expect(0).text();
    bytes[1_000_000] ^= 1;
    Files.write(records, bytes);
    Rewind.Answer answer = Rewind.run("state", log, "--at", "2026-11-24T00:00:00.3Z").expect(1);
    assertEquals(whole, answer.text());
    assertTrue(answer.errors().contains("some events cannot be read"), answer.errors());
  }

  @Test
  void aSnapshotOfAnotherFoldIsNotUsedWhileAllEventsAreThereAndSaidSo() {
    log = folder.resolve("otherfold");
    BusyNode.writeWithSchema(log, 5_000, 1_000, "0-of-another-version");
    same("3100");
    Rewind.Answer answer = Rewind.run("state", log).expect(0);
    assertEquals(
        1,
        answer.errors().lines().filter(l -> l.contains("another version of the fold")).count(),
        answer.errors());
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

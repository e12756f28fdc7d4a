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

package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chronicle's analytics would connect to the internet and write into the home folder. */
class NothingLeavesTheNodeTest {
  @TempDir Path dir;

  @Test
  void aWriterConnectsNowhereForcesEachCommitAndLeavesNoFileAtHome() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/strace")), "strace is not installed");
    Path trace = dir.resolve("trace");
    Path home = Files.createDirectories(dir.resolve("home"));
    Process child =
        WritingChild.start(
            home.resolve("log"),
            List.of(
                "strace",
                "-f",
                "-e",
                "trace=connect,sendto,fsync,fdatasync",
                "-o",
                trace.toString()));
    long commits = 0;
    try (BufferedReader lines = child.inputReader()) {
      while (commits < 50) {
        commits++;
        assertTrue(lines.readLine() != null, "the child ended");
      }
    } finally {
      child.descendants().forEach(ProcessHandle::destroyForcibly);
      child.destroyForcibly().waitFor();
    }
    List<String> calls = Files.readAllLines(trace);
    assertEquals(List.of(), calls.stream().filter(c -> c.contains("AF_INET")).toList());
    long syncs = calls.stream().filter(c -> c.contains("sync(")).count();
    assertTrue(syncs >= commits, syncs + " syncs for " + commits + " commits");
    try (Stream<Path> files = Files.list(home)) {
      assertEquals(
          List.of("child.err", "log"),
          files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }
}

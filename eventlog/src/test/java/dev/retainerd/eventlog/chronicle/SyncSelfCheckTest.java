package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the start-up self-check proves: a sync that is asked for reaches the kernel. */
class SyncSelfCheckTest {
  @TempDir Path dir;

  @Test
  void aSyncThatIsSwallowedOnTheWayToTheKernelIsFoundOutAtTheStart() throws Exception {
    Path log = Files.createDirectories(dir.resolve("log"));
    Process child =
        WritingChild.start(
            log,
            List.of(
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                "inject=fsync,fdatasync:retval=0"));
    try (BufferedReader lines = child.inputReader()) {
      String said = String.valueOf(lines.readLine());
      child.destroyForcibly().waitFor();
      String error = Files.readString(dir.resolve("child.err"));
      assertTrue(error.contains("a sync does not reach the kernel"), said + " " + error);
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void everyAcknowledgedCommitWasSyncedByTheKernel() throws Exception {
    Path log = Files.createDirectories(dir.resolve("log"));
    Path trace = dir.resolve("trace");
    Process child =
        WritingChild.start(
            log,
            List.of("strace", "-f", "-y", "-qq", "-o", trace.toString(), "-e", "trace=fdatasync"));
    int commits = 0;
    try (BufferedReader lines = child.inputReader()) {
      for (String line = ""; commits < 40 && line != null; line = lines.readLine()) {
        commits += line.matches("[0-9]+") ? 1 : 0;
      }
    } finally {
      // The tracer ends by itself then, and has written all it saw.
      child.descendants().forEach(ProcessHandle::destroyForcibly);
      child.waitFor(20, TimeUnit.SECONDS);
      child.destroyForcibly().waitFor();
    }
    long synced =
        Files.readAllLines(trace).stream()
            .filter(line -> line.contains("fdatasync(") && line.contains(".cq4"))
            .count();
    assertTrue(commits == 40 && synced >= commits, commits + " commits, " + synced + " syncs");
  }
}

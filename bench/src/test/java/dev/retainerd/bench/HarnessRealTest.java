package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong around a benchmark: a clear sentence, exit code 2, no figure, nothing left. */
@Tag("real")
class HarnessRealTest {
  private static final String[] LONG_RUN = {
    "run", "--only", "retainerd", "--churn-seconds", "60", "churn"
  };

  @TempDir private Path folder;

  private void refused(String sentence, String... arguments) throws Exception {
    BenchProcess bench = BenchProcess.start(folder, arguments);
    assertEquals(2, bench.end(), bench.printed());
    assertTrue(bench.printed().contains(sentence), bench.printed());
    assertFalse(bench.printed().contains("median"), bench.printed());
    assertFalse(bench.printed().contains("\tat "), bench.printed());
  }

  @Test
  void aSocketThatIsNotThereIsNamed() throws Exception {
    refused("there is no socket /nowhere/sock", "run", "--target", "ours=/nowhere/sock", "call");
  }

  @Test
  void aPeerThatDoesNotStartIsNamedWithItsExitCode() throws Exception {
    refused("bad ended with exit code 1", "run", "--start", "bad=/bin/false", "call");
  }

  @Test
  void aStageThatIsNotThereIsNamedBesideThoseThatAre() throws Exception {
    refused("there is no stage podz; known are call,", "run", "podz");
  }

  @Test
  void aBaselineThatIsNoneIsRefusedBeforeAnythingIsMeasured() throws Exception {
    Path file = Files.writeString(folder.resolve("old.json"), "{}");
    refused("is no JSON of retain-bench", "run", "--baseline", file.toString(), "call");
  }

  @Test
  void aDaemonThatDiesHalfWayGivesNoFigureAndLeavesNothing() throws Exception {
    Path json = folder.resolve("run.json");
    String[] arguments = java.util.Arrays.copyOf(LONG_RUN, LONG_RUN.length + 2);
    arguments[LONG_RUN.length] = "--json";
    arguments[LONG_RUN.length + 1] = json.toString();
    BenchProcess bench = BenchProcess.start(folder, arguments);
    List<Path> folders = afterItBegan(bench);
    ProcessHandle.of(bench.daemon()).ifPresent(ProcessHandle::destroyForcibly);
    assertEquals(2, bench.end(), bench.printed());
    assertTrue(bench.printed().contains("stage churn: "), bench.printed());
    assertFalse(bench.printed().contains("median"), bench.printed());
    assertFalse(Files.exists(json), "no figures of a run that failed");
    assertEquals(List.of(), bench.traces(folders));
  }

  @Test
  void aRunThatIsAskedToEndCleansUp() throws Exception {
    BenchProcess bench = BenchProcess.start(folder, LONG_RUN);
    List<Path> folders = afterItBegan(bench);
    bench.terminate();
    bench.end();
    assertEquals(List.of(), bench.traces(folders));
  }

  @Test
  void whatAKilledRunLeftIsRemovedByTheNextOne() throws Exception {
    BenchProcess killed = BenchProcess.start(folder, LONG_RUN);
    List<Path> folders = afterItBegan(killed);
    killed.kill();
    killed.end();
    assertFalse(killed.traces(folders).isEmpty(), "it had something to leave behind");
    BenchProcess next = BenchProcess.start(folder, "run", "--only", "retainerd", "--quick", "call");
    assertEquals(0, next.end(), next.printed());
    assertEquals(List.of(), killed.traces(folders));
    assertTrue(next.printed().contains("Version (CRI)"), next.printed());
  }

  /** Once pods come and go; returns the folders of the run. */
  private static List<Path> afterItBegan(BenchProcess bench) throws Exception {
    BenchProcess.await(
        "the first pod",
        () -> {
          try {
            for (Path one : bench.folders()) {
              if (Files.isDirectory(one.resolve("logs-churn-0"))) {
                return true;
              }
            }
            return false;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    return bench.folders();
  }
}

package dev.retainerd.bench;

import dev.retainerd.bench.measure.Regression;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.report.HtmlReport;
import dev.retainerd.bench.report.JmhResults;
import dev.retainerd.bench.report.JsonReport;
import dev.retainerd.bench.report.MarkdownReport;
import dev.retainerd.bench.report.TableReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Where results go beside the terminal, and what they are held against. */
final class OutputOptions {
  @Option(names = "--json", paramLabel = "FILE", description = "every sample, for programs")
  private Path json;

  @Option(names = "--html", paramLabel = "FILE", description = "plots, in one file")
  private Path html;

  @Option(names = "--markdown", paramLabel = "FILE", description = "the tables as Markdown")
  private Path markdown;

  @Option(
      names = "--baseline",
      paramLabel = "FILE",
      description = "the JSON of an earlier run; exits 1 when something got worse beyond noise")
  private Path baseline;

  @Option(
      names = "--jmh",
      paramLabel = "FILE",
      description = "also show what JMH measured inside a process (its -rf json)")
  private Path jmh;

  /** Writes what was asked for; returns the exit code. */
  int write(RunResult measured) throws NodeException {
    RunResult run = withJmh(measured);
    put(json, JsonReport.write(run));
    put(html, HtmlReport.write(run));
    put(markdown, MarkdownReport.write(run));
    if (baseline == null) {
      return 0;
    }
    List<Regression> worse = Regression.between(read(baseline).stages(), run.stages());
    System.out.println();
    worse.forEach(one -> System.out.println("regression: " + one.sentence()));
    if (worse.isEmpty()) {
      System.out.println("nothing got worse than in " + baseline + " beyond noise");
    }
    return worse.isEmpty() ? 0 : BenchMain.WORSE;
  }

  private RunResult withJmh(RunResult run) throws NodeException {
    if (jmh == null) {
      return run;
    }
    try {
      StageResult parts = JmhResults.read(Files.readString(jmh));
      TableReport.print(System.out, parts);
      return run.with(parts);
    } catch (IOException e) {
      throw new NodeException(jmh + " can't be read: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new NodeException(jmh + " is no JSON of JMH: " + e.getMessage(), e);
    }
  }

  /** Refused before an hour of measuring rather than after it. */
  void check() throws NodeException {
    if (baseline != null) {
      read(baseline);
    }
    for (Path file : new Path[] {json, html, markdown}) {
      Path folder = file == null ? null : file.toAbsolutePath().getParent();
      if (folder != null && !Files.isWritable(folder)) {
        throw new NodeException("there is no folder " + folder + " that can be written to");
      }
    }
  }

  /** A report that was written before. */
  static RunResult read(Path file) throws NodeException {
    try {
      return JsonReport.read(Files.readString(file));
    } catch (IOException e) {
      throw new NodeException(file + " can't be read: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new NodeException(file + " is no JSON of retain-bench: " + e.getMessage(), e);
    }
  }

  private static void put(Path file, String text) throws NodeException {
    if (file == null) {
      return;
    }
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new NodeException(file + " can't be written: " + e.getMessage(), e);
    }
  }
}

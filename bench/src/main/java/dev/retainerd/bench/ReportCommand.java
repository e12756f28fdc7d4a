package dev.retainerd.bench;

import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.report.TableReport;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Shows a run again that was kept as JSON. */
@Command(
    name = "report",
    description = "Shows the JSON of a run again: as tables, HTML, Markdown, against a baseline.",
    mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "written by run --json")
  private Path file;

  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() throws Exception {
    RunResult run = OutputOptions.read(file);
    run.stages().forEach(stage -> TableReport.print(System.out, stage));
    run.faults().forEach(fault -> TableReport.print(System.out, fault));
    return output.write(run);
  }
}

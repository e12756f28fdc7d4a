package dev.retainerd.bench;

import dev.retainerd.bench.fault.Fault;
import dev.retainerd.bench.fault.Faults;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.node.Machine;
import dev.retainerd.bench.node.Traces;
import dev.retainerd.bench.report.TableReport;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Does bad things to runtimes under load, and says what they lost. */
@Command(
    name = "faults",
    description = {
      "Kills, stops, fills up and slows down what a runtime needs, under load, each on a fresh",
      "node, and says what was lost: nothing, or exactly what.",
      "Exit codes: 0 the first runtime lost nothing; 1 it did; 2 a fault could not be tried."
    },
    mixinStandardHelpOptions = true)
final class FaultsCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "FAULT",
      arity = "0..*",
      description = "default: all; run --list names them")
  private List<String> names = List.of();

  @Mixin private TargetOptions runtimes = new TargetOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Override
  public Integer call() throws Exception {
    List<Fault> faults = Faults.named(names);
    output.check();
    Traces.removeOrphans();
    Instant started = Instant.now();
    Map<String, String> machine = Machine.facts();
    List<FaultResult> results =
        Faults.run(
            faults,
            runtimes.programs(),
            runtimes.busybox(),
            fault -> TableReport.print(System.out, fault));
    RunResult run =
        new RunResult(
            started.truncatedTo(ChronoUnit.SECONDS).toString(),
            ChronoUnit.MILLIS.between(started, Instant.now()) / 1e3,
            machine,
            Map.of(),
            Map.of(),
            List.of(),
            results);
    return Math.max(output.write(run), Faults.exitCode(results));
  }
}

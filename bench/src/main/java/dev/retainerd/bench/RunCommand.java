package dev.retainerd.bench;

import com.google.gson.Gson;
import dev.retainerd.bench.fault.Faults;
import dev.retainerd.bench.image.OciArchive;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Interleaving;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.node.Machine;
import dev.retainerd.bench.node.Target;
import dev.retainerd.bench.node.Traces;
import dev.retainerd.bench.node.Undo;
import dev.retainerd.bench.report.ProgressBar;
import dev.retainerd.bench.report.TableReport;
import dev.retainerd.bench.scenario.Scenario;
import dev.retainerd.bench.scenario.Setting;
import dev.retainerd.bench.scenario.Sizes;
import dev.retainerd.bench.scenario.Stage;
import dev.retainerd.bench.scenario.Stages;
import java.io.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs stages on several runtimes in turns and prints all beside each other. */
@Command(
    name = "run",
    description = {
      "Compares runtimes: by default this retainerd and the containerd of this machine, each",
      "started in a folder of its own and removed afterwards. --list names the stages.",
      "Exit codes: 0 done; 1 worse than the baseline, or a fault of the first runtime lost",
      "something; 2 an operation failed, and nothing is said about that stage."
    },
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Parameters(paramLabel = "STAGE", arity = "0..*", description = "default: all")
  private List<String> names = List.of();

  @Option(names = "--list", description = "name the stages and faults, and do nothing")
  private boolean list;

  @Option(names = "--quick", description = "few and small rounds: about a minute")
  private boolean quick;

  @Option(
      names = {"-n", "--rounds"},
      description = "counted rounds; default: 30, quick 2; long ones have fewer")
  private int rounds;

  @Option(
      names = "--warm-up",
      defaultValue = "-1",
      description = "rounds before them; default: 3, quick 1")
  private int warmUp;

  @Option(names = "--pods", description = "where there are many of them; default: 60, quick 6")
  private int pods;

  @Option(names = "--listed", description = "of stage lists; default: 1000, quick 40")
  private int listed;

  @Option(names = "--churn-seconds", description = "of stage churn; default: 60, quick 3")
  private int churnSeconds;

  @Option(names = "--faults", description = "also all faults; one or some alone: verb faults")
  private boolean faults;

  @Option(names = "--keep-going", description = "go on with other stages after one that failed")
  private boolean keepGoing;

  @Mixin private TargetOptions runtimes = new TargetOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  private final List<StageResult> results = new ArrayList<>();
  private final List<FaultResult> faultResults = new ArrayList<>();
  private boolean failed;

  @Override
  public Integer call() throws Exception {
    if (list) {
      Sizes full = Sizes.full();
      Stages.all().forEach(one -> System.out.printf("%-12s%s%n", one.name(), one.title(full)));
      Faults.all().forEach(one -> System.out.printf("%-12s%s%n", one.name(), one.title()));
      return 0;
    }
    List<Stage> stages = Stages.named(names);
    Sizes sizes =
        (quick ? Sizes.quick() : Sizes.full()).with(rounds, warmUp, pods, listed, churnSeconds);
    output.check();
    Traces.removeOrphans();
    Instant started = Instant.now();
    Map<String, String> machine = Machine.facts();
    Map<String, String> versions;
    try (Undo undo = new Undo()) {
      Path folder = Traces.newFolder(Path.of("/tmp"));
      String cgroup = "/retain-bench/" + ProcessHandle.current().pid() + "-runc";
      undo.later(() -> Traces.remove(folder, "", cgroup, true));
      Traces.own(folder, "", cgroup);
      Path rootfs = Files.createDirectories(folder.resolve("rootfs"));
      OciArchive.writeRootfs(runtimes.busybox(), rootfs);
      List<Target> targets = runtimes.open(undo);
      versions = Machine.versions(targets);
      Setting setting = new Setting(targets, folder, rootfs, runtimes.busybox(), sizes);
      for (Stage stage : stages) {
        run(stage, setting, undo);
      }
    }
    if (faults) {
      faults();
    }
    return finish(started, machine, versions, sizes);
  }

  private int finish(
      Instant started, Map<String, String> machine, Map<String, String> versions, Sizes sizes)
      throws Exception {
    Map<String, String> amounts = new LinkedHashMap<>();
    new Gson()
        .toJsonTree(sizes)
        .getAsJsonObject()
        .entrySet()
        .forEach(entry -> amounts.put(entry.getKey(), entry.getValue().getAsString()));
    RunResult run =
        new RunResult(
            started.truncatedTo(ChronoUnit.SECONDS).toString(),
            ChronoUnit.MILLIS.between(started, Instant.now()) / 1e3,
            machine,
            versions,
            amounts,
            results,
            faultResults);
    int code = output.write(run);
    return failed ? BenchMain.FAILED : Math.max(code, Faults.exitCode(faultResults));
  }

  private void faults() throws Exception {
    try {
      Faults.run(
          Faults.all(),
          runtimes.programs(),
          runtimes.busybox(),
          fault -> {
            TableReport.print(System.out, fault);
            faultResults.add(fault);
          });
    } catch (Exception e) {
      if (!keepGoing) {
        throw e;
      }
      // What the stages have measured is worth its report.
      failed = true;
      System.err.println("retain-bench: " + Failures.sentence(e));
    }
  }

  private void run(Stage stage, Setting setting, Undo undo) throws Exception {
    if (stage.needsOwnNodes()
        && setting.targets().stream().anyMatch(target -> target.own().isEmpty())) {
      System.err.println(
          "retain-bench: stage " + stage.name() + " is left out: it restarts daemons of its own");
      return;
    }
    List<Scenario> turns = new ArrayList<>();
    try {
      ProgressBar bar = new ProgressBar(System.err, onTerminal(), stage.name());
      for (Scenario turn : stage.turns(setting)) {
        turns.add(undo.later(turn));
      }
      for (Scenario turn : turns) {
        turn.prepare();
      }
      StageResult result =
          new StageResult(
              stage.name(),
              stage.title(setting.sizes()),
              Interleaving.run(
                  turns, stage.warmUp(setting.sizes()), stage.rounds(setting.sizes()), bar));
      TableReport.print(System.out, result);
      results.add(result);
    } catch (Exception e) {
      if (!keepGoing) {
        throw new StageFailed(stage.name(), e);
      }
      failed = true;
      System.err.println("retain-bench: " + new StageFailed(stage.name(), e).getMessage());
    } finally {
      turns.reversed().forEach(undo::now);
    }
  }

  private static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  /** Says which stage it was. */
  private static final class StageFailed extends Exception {
    private static final long serialVersionUID = 1L;

    StageFailed(String stage, Exception cause) {
      super("stage " + stage + ": " + Failures.sentence(cause), cause);
    }
  }
}

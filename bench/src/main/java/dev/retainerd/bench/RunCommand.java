package dev.retainerd.bench;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import dev.retainerd.bench.image.OciArchive;
import dev.retainerd.bench.measure.Interleaving;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.NodeProgram;
import dev.retainerd.bench.report.JsonReport;
import dev.retainerd.bench.report.ProgressBar;
import dev.retainerd.bench.report.TableReport;
import dev.retainerd.bench.scenario.PodCycle;
import dev.retainerd.bench.scenario.Restart;
import dev.retainerd.bench.scenario.RuncFloor;
import dev.retainerd.bench.scenario.Scenario;
import dev.retainerd.bench.scenario.TaskCycle;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs scenarios on retainerd and containerd in turns and prints both beside each other. */
@Command(
    name = "run",
    description = {
      "Runs scenarios against runtimes that it starts itself, each in a folder of its own.",
      "Scenarios: tasks (container life cycle over containerd's API, with bare runc as the floor),",
      "pods (pod life cycle over CRI), restart (kill -9 with pods running)."
    },
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "SCENARIO",
      arity = "0..*",
      description = "tasks, pods, restart; default: all")
  private List<String> scenarios = List.of();

  @Option(
      names = {"-n", "--rounds"},
      defaultValue = "30",
      description = "default: ${DEFAULT-VALUE}")
  private int rounds;

  @Option(
      names = "--warm-up",
      defaultValue = "3",
      description = "rounds not counted; default: ${DEFAULT-VALUE}")
  private int warmUp;

  @Option(
      names = "--pods",
      defaultValue = "20",
      description = "of scenario restart; default: ${DEFAULT-VALUE}")
  private int pods;

  @Option(names = "--only", description = "one runtime only: retainerd or containerd")
  private String only;

  @Option(
      names = "--busybox",
      defaultValue = "/bin/busybox",
      description = "a static one; default: ${DEFAULT-VALUE}")
  private Path busybox;

  @Option(names = "--json", paramLabel = "FILE", description = "also write every sample to FILE")
  private Path json;

  private final PrintStream out = System.out;
  private final JsonArray results = new JsonArray();
  private final List<AutoCloseable> open = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    List<String> wanted = scenarios.isEmpty() ? List.of("tasks", "pods", "restart") : scenarios;
    for (String scenario : wanted) {
      if (!List.of("tasks", "pods", "restart").contains(scenario)) {
        throw new IllegalArgumentException(
            "there is no scenario " + scenario + "; known are tasks, pods and restart");
      }
    }
    Thread cleaning = new Thread(this::closeAll, "clean-up");
    Runtime.getRuntime().addShutdownHook(cleaning);
    try {
      Path folder = Files.createTempDirectory(Path.of("/tmp"), "retain-bench-");
      remember(() -> delete(folder));
      Path rootfs = Files.createDirectories(folder.resolve("rootfs"));
      OciArchive.writeRootfs(busybox, rootfs);
      List<Node> nodes = startNodes();
      for (String scenario : wanted) {
        switch (scenario) {
          case "tasks" -> tasks(nodes, folder, rootfs);
          case "pods" -> pods(nodes);
          default -> restart(nodes);
        }
      }
      if (json != null) {
        Files.writeString(json, new GsonBuilder().setPrettyPrinting().create().toJson(results));
      }
      return 0;
    } finally {
      closeAll();
    }
  }

  private List<Node> startNodes() throws NodeException {
    List<NodeProgram> programs = new ArrayList<>();
    if (!"containerd".equals(only)) {
      programs.add(NodeProgram.retainerd());
    }
    if (!"retainerd".equals(only)) {
      programs.add(NodeProgram.containerd());
    }
    List<Node> nodes = new ArrayList<>();
    for (NodeProgram program : programs) {
      Node node = Node.start(program, nodes.size());
      remember(node);
      nodes.add(node);
    }
    return nodes;
  }

  private void tasks(List<Node> nodes, Path folder, Path rootfs) throws Exception {
    List<Scenario> turns = new ArrayList<>();
    nodes.forEach(node -> turns.add(new TaskCycle(node, rootfs)));
    turns.add(new RuncFloor(folder, rootfs));
    measure("tasks", "container life cycle, containerd API, " + rounds + " rounds", turns);
  }

  private void pods(List<Node> nodes) throws Exception {
    List<Scenario> turns = new ArrayList<>();
    nodes.forEach(node -> turns.add(new PodCycle(node, busybox)));
    measure("pods", "pod life cycle, CRI, " + rounds + " rounds", turns);
  }

  private void restart(List<Node> nodes) throws Exception {
    List<Restart> turns = new ArrayList<>();
    nodes.forEach(node -> turns.add(new Restart(node, busybox, pods)));
    int kills = Math.min(rounds, 10);
    measure("restart", "kill -9 with " + pods + " pods, " + kills + " rounds", turns, 1, kills);
  }

  private void measure(String name, String title, List<? extends Scenario> turns) throws Exception {
    measure(name, title, turns, warmUp, rounds);
  }

  private void measure(
      String name, String title, List<? extends Scenario> turns, int warm, int counted)
      throws Exception {
    try {
      for (Scenario turn : turns) {
        turn.prepare();
      }
      ProgressBar bar = new ProgressBar(System.err, onTerminal(), name);
      List<Measurement> measured = Interleaving.run(turns, warm, counted, bar);
      TableReport.print(out, title, measured);
      results.add(JsonReport.of(name, measured));
      for (Scenario turn : turns) {
        if (turn instanceof Restart restart) {
          out.printf(
              Locale.ROOT,
              "%s: memory (PSS) daemon %.1f MB, shims %.1f MB%n",
              restart.target(),
              restart.daemonKib() / 1024.0,
              restart.shimsKib() / 1024.0);
        }
      }
    } finally {
      turns.forEach(Scenario::close);
    }
  }

  private static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private void remember(AutoCloseable thing) {
    synchronized (open) {
      open.add(thing);
    }
  }

  /** Runs at the end and when interrupted, whichever is first. */
  private void closeAll() {
    synchronized (open) {
      for (AutoCloseable thing : open.reversed()) {
        try {
          thing.close();
        } catch (Exception e) {
          System.err.println("retain-bench: clean-up: " + e.getMessage());
        }
      }
      open.clear();
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    }
  }
}

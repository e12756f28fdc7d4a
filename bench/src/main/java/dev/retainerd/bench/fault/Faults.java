package dev.retainerd.bench.fault;

import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.node.LoopDisk;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.NodeProgram;
import dev.retainerd.bench.node.Undo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** All faults, and how they are tried: each on a fresh node of each runtime. */
public final class Faults {
  private static final List<Fault> ALL =
      List.of(new KillDaemon(), new KillShim(), new StopShim(), new FullDisk(), new SlowDisk());

  private Faults() {}

  /** All of them. */
  public static List<Fault> all() {
    return ALL;
  }

  /**
   * Those of {@code names}; all where none is named.
   *
   * @throws IllegalArgumentException with a name that no fault has
   */
  public static List<Fault> named(List<String> names) {
    for (String name : names) {
      if (ALL.stream().noneMatch(fault -> fault.name().equals(name))) {
        throw new IllegalArgumentException(
            "there is no fault "
                + name
                + "; known are "
                + String.join(", ", ALL.stream().map(Fault::name).toList()));
      }
    }
    return ALL.stream().filter(fault -> names.isEmpty() || names.contains(fault.name())).toList();
  }

  /**
   * Tries each fault on each program; {@code shown} hears of each result at once.
   *
   * @throws Exception when a fault could not be tried: the node didn't start, the load didn't run
   */
  public static List<FaultResult> run(
      List<Fault> faults, List<NodeProgram> programs, Path busybox, Consumer<FaultResult> shown)
      throws Exception {
    List<FaultResult> results = new ArrayList<>();
    for (Fault fault : faults) {
      if (!fault.isPossible()) {
        System.err.println("retain-bench: " + fault.name() + " can't be done by this kernel");
        continue;
      }
      for (NodeProgram program : programs) {
        FaultResult result = one(fault, program, busybox);
        shown.accept(result);
        results.add(result);
      }
    }
    return results;
  }

  private static FaultResult one(Fault fault, NodeProgram program, Path busybox) throws Exception {
    try (Undo undo = new Undo()) {
      Optional<LoopDisk> disk = Optional.empty();
      if (fault.diskMegabytes() > 0) {
        disk = Optional.of(undo.later(LoopDisk.make(fault.diskMegabytes())));
      }
      Path parent = disk.map(LoopDisk::mount).orElse(Path.of("/tmp"));
      Node node = undo.later(Node.start(program, 0, parent));
      return undo.later(new Trial(fault, node, disk)).run(busybox);
    }
  }

  /** 1 when the first runtime lost something, else 0. */
  public static int exitCode(List<FaultResult> results) {
    String first = results.isEmpty() ? "" : results.getFirst().target();
    boolean lost =
        results.stream().anyMatch(one -> one.target().equals(first) && !one.lost().isEmpty());
    return lost ? 1 : 0;
  }
}

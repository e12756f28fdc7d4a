package dev.retainerd.bench;

import dev.retainerd.bench.node.Attached;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.NodeProgram;
import dev.retainerd.bench.node.Target;
import dev.retainerd.bench.node.Undo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which runtimes are measured. */
final class TargetOptions {
  @Option(
      names = "--only",
      paramLabel = "NAME",
      description = "start only one of the two that are started by default: retainerd, containerd")
  private String only;

  @Option(
      names = "--start",
      paramLabel = "NAME=BINARY",
      description = {
        "start this daemon instead; may be given again. It must take --config FILE with a",
        "config.toml of containerd. Two builds of one runtime are compared this way."
      })
  private Map<String, Path> started = Map.of();

  @Option(
      names = "--target",
      paramLabel = "NAME=SOCKET",
      description = {
        "measure the runtime that listens there, and start none; may be given again. Stages that",
        "kill or restart the daemon are left out for it."
      })
  private Map<String, Path> attached = Map.of();

  @Option(
      names = "--busybox",
      defaultValue = "/bin/busybox",
      description = "a static one; default: ${DEFAULT-VALUE}")
  private Path busybox;

  Path busybox() {
    return busybox;
  }

  /** The daemons that are to be started. */
  List<NodeProgram> programs() throws NodeException {
    List<NodeProgram> programs = new ArrayList<>();
    started.forEach((name, binary) -> programs.add(new NodeProgram(name, binary)));
    if (!programs.isEmpty() || !attached.isEmpty()) {
      return programs;
    }
    if (only != null && !List.of("retainerd", "containerd").contains(only)) {
      throw new NodeException("--only takes retainerd or containerd, not " + only);
    }
    if (!"containerd".equals(only)) {
      programs.add(NodeProgram.retainerd());
    }
    if (!"retainerd".equals(only)) {
      programs.add(NodeProgram.containerd());
    }
    return programs;
  }

  /** Starts and connects; each is remembered in {@code undo} at once. */
  List<Target> open(Undo undo) throws NodeException {
    List<Target> targets = new ArrayList<>();
    for (NodeProgram program : programs()) {
      targets.add(undo.later(Node.start(program, targets.size())));
    }
    for (Map.Entry<String, Path> one : attached.entrySet()) {
      targets.add(undo.later(Attached.to(one.getKey(), one.getValue())));
    }
    return targets;
  }
}

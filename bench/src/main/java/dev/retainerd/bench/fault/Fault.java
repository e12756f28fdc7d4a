package dev.retainerd.bench.fault;

import dev.retainerd.bench.node.LoopDisk;
import dev.retainerd.bench.node.Node;
import java.util.Optional;

/** Something bad that happens to a node. */
public interface Fault {
  /**
   * Where it happens.
   *
   * @param node runs, under load
   * @param disk that the node lies on, where the fault is one of the disk
   * @param victim a process in one of the containers, whose shim may be struck
   */
  record Scene(Node node, Optional<LoopDisk> disk, long victim) {}

  /** One word. */
  String name();

  /** What is done, in a line. */
  String title();

  /** Size in MB of a disk that the node must lie on; 0 for none of its own. */
  default int diskMegabytes() {
    return 0;
  }

  /** Whether this machine lets it be done. */
  default boolean isPossible() {
    return true;
  }

  /**
   * Begins the fault, keeps it up for as long as it is meant to last, and ends it.
   *
   * @throws Exception when the fault itself could not be brought about
   */
  void strike(Scene scene) throws Exception;
}

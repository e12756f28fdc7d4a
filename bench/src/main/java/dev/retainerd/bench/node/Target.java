package dev.retainerd.bench.node;

import dev.retainerd.bench.client.RuntimeClient;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** A runtime that is measured: one that was started for this run, or one that was there before. */
public interface Target extends AutoCloseable {
  /** The containerd namespace that benchmarks work in; CRI has its own, {@code k8s.io}. */
  String NAMESPACE = "retain-bench";

  /** The image that {@link #provideImage} brings. */
  String IMAGE = "docker.io/retain/busybox:1";

  /** The name that reports show. */
  String name();

  /** Its socket. */
  Path socket();

  /** A folder for what the target is given, such as pods' logs; gone after {@link #close}. */
  Path folder();

  /** The cgroup below which all containers of this run are put, as a path from the root. */
  String cgroup();

  /** The daemon, where it can be found. */
  OptionalLong daemon();

  /** Processes that stand between the daemon and the containers, where they can be found. */
  List<Long> shims();

  /** The node when it is ours to kill and to start again. */
  Optional<Node> own();

  /** A new client; the caller closes it. */
  default RuntimeClient connect() {
    return new RuntimeClient(socket(), NAMESPACE);
  }

  /**
   * Makes {@link #IMAGE} known in {@code namespace}, made from {@code busybox}.
   *
   * @throws NodeException when neither the image is there nor the socket takes an import
   */
  void provideImage(Path busybox, String namespace) throws NodeException;

  /** Removes what this run put there, and the runtime itself where this run started it. */
  @Override
  void close();
}

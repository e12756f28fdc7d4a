package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.files.SmallFile;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whose event log root holds, as a file outside of root says it: where the disk of root is not
 * mounted yet, the empty folder in its place must not get a history of its own.
 *
 * <p>The file stands beside root unless it is configured, so that two daemons with two roots have
 * two of them. It is written once the log is open, and removed by hand by whoever wants a new node.
 *
 * @param file where it is
 * @param nodeId what it says; empty where it is missing
 */
record NodeIdentity(Path file, Optional<String> nodeId, boolean configured) {
  private static final Logger LOG = LoggerFactory.getLogger(NodeIdentity.class);

  /**
   * Reads it.
   *
   * @throws EventLogException where it cannot be read and root holds no log that could say the same
   */
  static NodeIdentity of(DaemonConfig config) throws IOException {
    Path root = config.root();
    Path file =
        config
            .retain()
            .identityFile()
            .orElseGet(() -> root.resolveSibling(root.getFileName() + ".identity"));
    Optional<String> nodeId = SmallFile.read(file).map(values -> values.get("node"));
    boolean log = Files.exists(root.resolve("log/identity"));
    if (nodeId.isEmpty() && Files.exists(file) && !log) {
      throw new EventLogException(
          file
              + " cannot be read and "
              + root
              + " holds no event log; mount the disk that holds it, or, if there is none, remove "
              + file);
    }
    return new NodeIdentity(file, nodeId, config.retain().identityFile().isPresent());
  }

  /** The same options for the log of this node only. */
  LogOptions expectedBy(LogOptions options) {
    return nodeId.map(id -> options.withExpectedNodeId(id, file.toString())).orElse(options);
  }

  /**
   * Writes it, where it does not say so already.
   *
   * @throws Refusal FAILED_PRECONDITION where it was configured and cannot be written
   */
  void record(Path root, String id) {
    Optional<String> same = nodeId.filter(id::equals);
    if (same.isPresent()) {
      return;
    }
    LinkedHashMap<String, String> values = new LinkedHashMap<>(Map.of("node", id));
    values.put("root", root.toString());
    try {
      if (configured) {
        Files.createDirectories(file.getParent());
      }
      SmallFile.write(file, values, true);
    } catch (IOException e) {
      if (configured) {
        throw new Refusal(
            Refusal.Code.FAILED_PRECONDITION,
            "the node's identity cannot be written to " + file + ": " + e.getMessage(),
            e);
      }
      LOG.warn(
          "{} cannot be written ({}): a start without the disk of {} would begin a new history;"
              + " set retain.identity_file",
          file,
          e.getMessage(),
          root);
    }
  }
}

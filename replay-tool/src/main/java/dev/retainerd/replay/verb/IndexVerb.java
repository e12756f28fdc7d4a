package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.index.IndexFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind index}: makes answers on a life or a time fast on a large log. */
@Command(
    name = "index",
    sortOptions = false,
    description = {
      "make an index, or bring it up to the log's end; timeline, explain, state and diff use it. It",
      "lies apart from the log, is never trusted for what an event says, and may be deleted at any",
      "time"
    })
public final class IndexVerb extends Verb {
  @Option(
      names = "--index",
      paramLabel = "DIR",
      description = "folder of indexes (default: $XDG_CACHE_HOME/rewind or ~/.cache/rewind)")
  Path folder;

  @Option(names = "--anew", description = "throw away what there is")
  boolean anew;

  @Override
  protected int run(History history) throws IOException {
    if (history.source().folder().isEmpty()) {
      throw new LookFailure("an index is made of the folder of a log, and " + where + " is none");
    }
    Path place = Optional.ofNullable(folder).orElse(IndexFolder.cache());
    long last = new IndexFolder(place).build(history, anew);
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("folder", place.toString());
      tree.put("node", history.source().nodeId());
      tree.put("lastSequence", last);
      printJson(tree);
    } else {
      println(place + " knows the events of node " + history.source().nodeId() + " up to " + last);
    }
    return HOLDS;
  }
}

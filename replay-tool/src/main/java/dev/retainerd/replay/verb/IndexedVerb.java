package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.replay.index.IndexFolder;
import dev.retainerd.replay.index.SegmentedIndex;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** A verb on one thing's life, or on a moment, which an index finds faster. */
abstract class IndexedVerb extends Verb {
  @Option(
      names = "--index",
      paramLabel = "DIR",
      description = "folder of indexes that rewind index has made (default: the cache folder)")
  Path index;

  @Option(
      names = "--no-index",
      description = "look at every event, whether there is an index or not")
  boolean noIndex;

  @Override
  protected final int run(History history) throws Exception {
    if (!noIndex && history.source().folder().isPresent()) {
      IndexFolder folder = new IndexFolder(Optional.ofNullable(index).orElse(IndexFolder.cache()));
      Optional<SegmentedIndex> there = folder.open(history, Verb::note);
      there.ifPresent(history::use);
    }
    return look(history);
  }

  /** As {@link #run}. */
  protected abstract int look(History history) throws Exception;
}

package dev.retainerd.replay.index;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.store.words.Told;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Where indexes lie, a folder per node: never in the folder of a log.
 *
 * @param path the folder over all nodes
 */
public record IndexFolder(Path path) {
  private static final long SEGMENT_EVENTS = 2_000_000;
  private static final long SEGMENT_BYTES = 64L << 20;

  /** {@code $XDG_CACHE_HOME/rewind}, or {@code ~/.cache/rewind}. */
  public static Path cache() {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path base =
        cache == null || cache.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(cache);
    return base.resolve("rewind");
  }

  private Path of(EventSource source) {
    return path.resolve(source.nodeId().replaceAll("[^A-Za-z0-9._-]", "_"));
  }

  private static List<Path> files(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches("segment-\\d{19}\\.rtix"))
          .sorted(Comparator.naturalOrder())
          .toList();
    }
  }

  /**
   * The index of that history; empty where there is none that can be used.
   *
   * @param notes gets a sentence where there is one that cannot
   */
  public Optional<SegmentedIndex> open(History history, Consumer<String> notes) {
    List<Segment> segments = new ArrayList<>();
    try {
      for (Path file : files(of(history.source()))) {
        Segment segment = Segment.read(file);
        if (!fits(history, segment, segments)) {
          notes.accept(
              file + " is not of this log, and was not used; rewind index makes a new one");
          return Optional.empty();
        }
        segments.add(segment);
      }
    } catch (IOException e) {
      notes.accept(
          "the index cannot be used ("
              + e.getMessage()
              + "), so every event was looked at; rewind index --anew makes a new one");
      return Optional.empty();
    }
    return segments.isEmpty()
        ? Optional.empty()
        : Optional.of(new SegmentedIndex(of(history.source()), segments));
  }

  private static boolean fits(History history, Segment segment, List<Segment> before) {
    boolean follows = before.isEmpty() || segment.first() == before.getLast().last() + 1;
    return follows
        && segment.node().equals(history.source().nodeId())
        && history.at(segment.last()).map(Told::envelope).filter(segment::endsWith).isPresent();
  }

  /**
   * Brings the index of that history up to its end.
   *
   * @param anew whether from its first event on
   * @return the last event that it knows of now
   * @throws LookFailure where the history is damaged, or the folder would be in that of the log
   */
  public long build(History history, boolean anew) throws IOException {
    EventSource source = history.source();
    Path folder = of(source);
    Files.createDirectories(folder);
    if (source.folder().isPresent()
        && folder.toRealPath().startsWith(source.folder().get().toRealPath())) {
      throw new LookFailure(
          "nothing is ever written into the folder of a log: choose another place than " + path);
    }
    Optional<SegmentedIndex> there = anew ? Optional.empty() : open(history, note -> {});
    if (there.isEmpty()) {
      for (Path old : files(folder)) {
        Files.delete(old);
      }
    }
    return extend(source, folder, there.map(SegmentedIndex::last).orElse(0L));
  }

  private static long extend(EventSource source, Path folder, long known) throws IOException {
    Segment.Builder builder = null;
    long first = 0;
    EncodedEnvelope last = null;
    long through = known;
    try (EventSource.Walk walk = source.walk(known + 1, false)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        if (!(e.get() instanceof LogEntry.Good good)) {
          throw new LookFailure(
              "this history is damaged, and no index is made of it: see rewind verify");
        }
        last = good.encoded();
        if (!EventType.isKnown(last)) {
          throw new LookFailure(
              "a newer version wrote event "
                  + last.sequence()
                  + ", and no index is made of what this one does not understand");
        }
        if (builder == null) {
          first = last.sequence();
          builder = new Segment.Builder(first);
        }
        builder.time(last.sequence(), last.wallNanos());
        for (String term : Terms.of(last)) {
          builder.add(term, last.sequence());
        }
        if (last.sequence() - first + 1 >= SEGMENT_EVENTS || builder.size() > SEGMENT_BYTES) {
          through = write(builder, folder, source, first, last);
          builder = null;
        }
      }
    } catch (EventLogException e) {
      throw new LookFailure(e.getMessage(), e);
    }
    return builder == null ? through : write(builder, folder, source, first, last);
  }

  private static long write(
      Segment.Builder builder, Path folder, EventSource source, long first, EncodedEnvelope last)
      throws IOException {
    builder.write(
        folder.resolve(String.format("segment-%019d.rtix", first)),
        source.nodeId(),
        last.envelope());
    return last.sequence();
  }
}

package dev.retainerd.replay.verb;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.retainerd.eventlog.EncodedEnvelope;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.evidence.CheckpointCheck;
import dev.retainerd.replay.evidence.EvidenceSource;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Witness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind verify}: whether the history is whole. */
@Command(
    name = "verify",
    description = {
      "check every event's CRC, hash, sequence and place in the chain;",
      "exit status 0: it holds, 1: it does not, 2: could not look"
    })
public final class VerifyVerb extends Verb {
  @Option(
      names = "--head",
      paramLabel = "HASH",
      description =
          "the hash of the last event as noted elsewhere: catches a history cut or forged")
  String head = "";

  @Option(
      names = "--checkpoints",
      paramLabel = "FILE",
      description = "signed checkpoints kept elsewhere (default: those beside the log)")
  Path checkpoints;

  @Option(
      names = "--key",
      paramLabel = "FILE",
      description = "the node's public key kept elsewhere (default: the one beside the log)")
  Path key;

  @Option(
      names = "--projection",
      description = "fold it again and compare the daemon's store with it, key by key")
  boolean projection;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      description = "the same with this store, which may be a copy (default: store beside the log)")
  Path store;

  private long events;
  private long first;
  private long lastGood;
  private long unknownTypes;
  private long redacted;
  private long gaps;
  private String firstBad = "";
  private CheckpointCheck witness;
  private Optional<EncodedEnvelope> last = Optional.empty();
  private byte[] wantedHead = new byte[0];
  private boolean headSeen;
  private final ClockWatch clock = new ClockWatch();
  private int generation = -1;
  private final Set<Integer> generations = new HashSet<>();

  @Override
  protected boolean looksAtFaults() {
    return true;
  }

  /** Verifies for another verb, as that one was told to print. */
  void takeOver(Verb other, Path keyFile, Path checkpointsFile) {
    printTo(other.out());
    likeIn(other);
    key = keyFile;
    checkpoints = checkpointsFile;
  }

  @Override
  protected int run(History history) throws IOException {
    EventSource source = history.source();
    wantedHead = head.isEmpty() ? wantedHead : parse(head);
    Witness beside = source.witness();
    witness =
        CheckpointCheck.of(
            new Witness(
                checkpoints == null ? beside.checkpoints() : Optional.of(read(checkpoints)),
                key == null ? beside.key() : Optional.of(new String(read(key), UTF_8)),
                beside.proofs()),
            checkpoints != null || key != null);
    if (!source.faults().isEmpty()) {
      firstBad = source.faults().getFirst();
    }
    String tail;
    try (EventSource.Walk walk = source.walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        take(e.get());
      }
      tail = walk.tail();
    }
    if (events == 0 && firstBad.isEmpty()) {
      throw new LookFailure("the log in " + source.name() + " holds no event yet");
    }
    String notWitnessed = witness.end();
    if (firstBad.isEmpty()) {
      firstBad = notWitnessed;
    }
    if (!head.isEmpty() && !headSeen && firstBad.isEmpty()) {
      firstBad = "no event of this log has the hash " + head;
    }
    Optional<ProjectionCheck.Result> compared =
        projection || store != null ? Optional.of(compare(history)) : Optional.empty();
    report(source, tail, compared);
    boolean holds = firstBad.isEmpty() && compared.map(ProjectionCheck.Result::same).orElse(true);
    return holds ? HOLDS : DOES_NOT_HOLD;
  }

  private static byte[] parse(String hex) {
    try {
      byte[] hash = HexFormat.of().parseHex(hex);
      if (hash.length == Envelope.HASH_BYTES) {
        return hash;
      }
      throw new IllegalArgumentException("it has " + hash.length + " bytes");
    } catch (IllegalArgumentException e) {
      throw new LookFailure("--head takes a hash of 64 hexadecimal digits", e);
    }
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new LookFailure(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  private ProjectionCheck.Result compare(History history) {
    Path folder =
        Optional.ofNullable(store)
            .or(() -> history.source().folder().map(log -> log.resolveSibling("store")))
            .orElseThrow(
                () ->
                    new LookFailure(
                        "there is no store beside "
                            + history.source().name()
                            + ": name one with --store"));
    return ProjectionCheck.compare(history, folder);
  }

  private void take(LogEntry entry) {
    if (entry.place().generation() != generation) {
      generation = entry.place().generation();
      generations.add(generation);
    }
    switch (entry) {
      case LogEntry.Good good -> good(good.encoded());
      case LogEntry.ChainBroken broken -> bad(entry, broken.detail());
      case LogEntry.HashWrong wrong ->
          bad(
              entry,
              "the hash of event "
                  + wrong.envelope().sequence()
                  + " is not that of its content: it was changed after it was written");
      case LogEntry.Lost lost -> {
        gaps++;
        bad(entry, lost(lost));
      }
    }
  }

  private static String lost(LogEntry.Lost lost) {
    String which =
        lost.firstSequence() == 0
            ? "something unreadable"
            : lost.firstSequence() == lost.lastSequence()
                ? "event " + lost.firstSequence() + " cannot be read"
                : "events "
                    + lost.firstSequence()
                    + " to "
                    + lost.lastSequence()
                    + " cannot be read";
    return which + ": " + lost.detail();
  }

  private void good(EncodedEnvelope envelope) {
    witness.take(envelope);
    clock.see(envelope);
    events++;
    if (first == 0) {
      first = envelope.sequence();
    }
    if (firstBad.isEmpty()) {
      lastGood = envelope.sequence();
      last = Optional.of(envelope);
      headSeen = headSeen || wantedHead.length > 0 && envelope.hasHash(wantedHead);
    }
    redacted += envelope.redacted() ? 1 : 0;
    if (EventType.ofNumber(envelope.type()).isEmpty()) {
      unknownTypes++;
    }
  }

  private void bad(LogEntry entry, String what) {
    if (firstBad.isEmpty()) {
      LogEntry.Place place = entry.place();
      firstBad =
          what
              + " ("
              + (place.generation() == 0 ? "" : "generation " + place.generation() + ", ")
              + place.file().getFileName()
              + " at byte "
              + place.position()
              + ")";
    }
  }

  private List<String> notProven(boolean dense) {
    List<String> not = new ArrayList<>();
    not.add("whether the head is the true one; compare it with one noted elsewhere (--head)");
    if (!dense) {
      not.add("what lies between the events at hand: only those selected are here");
    }
    not.add("whether the node's clock was right" + clock.words());
    if (gaps > 0) {
      not.add("what stood in the " + gaps + (gaps == 1 ? " gap" : " gaps") + " after damage");
    }
    not.add("what was under way when the log ends, and was never acknowledged to anybody");
    not.add("what the workload itself did: the history ends at the container's edge");
    return not;
  }

  private String head() {
    return last.map(event -> HexFormat.of().formatHex(event.hash())).orElse("");
  }

  private String range() {
    return first + " to " + lastGood;
  }

  private void report(EventSource source, String tail, Optional<ProjectionCheck.Result> compared)
      throws IOException {
    if (json) {
      printJson(tree(source, tail, compared));
      return;
    }
    println("log:    " + source.name() + ", of node " + source.nodeId());
    if (unknownTypes > 0) {
      println("note:   " + unknownTypes + " events are of types that this version does not know");
    }
    if (redacted > 0) {
      println("note:   " + redacted + " events have their secrets taken out; their hashes hold");
    }
    if (!tail.isEmpty()) {
      println(
          "note:   behind the last event: "
              + tail
              + "; beside a live daemon this may be an event that is just being written");
    }
    witness.words().ifPresent(words -> println("signed: " + words));
    println("proves: nothing was changed, left out or put in between the first event and the head");
    notProven(source.dense()).forEach(line -> println("not:    " + line));
    compared.ifPresent(result -> result.print(this));
    if (firstBad.isEmpty()) {
      int n = generations.size();
      println(
          paint().good("whole")
              + (source.dense() ? ": events " + range() : ": " + events + " events of " + range())
              + (generations.equals(Set.of(0)) || n == 0
                  ? ""
                  : " in " + n + (n == 1 ? " generation" : " generations"))
              + ", head "
              + head());
    } else {
      println("first bad: " + firstBad);
      println(
          paint().bad("broken")
              + ": the last good event is "
              + lastGood
              + ", head up to there "
              + head());
    }
  }

  private Map<String, Object> tree(
      EventSource source, String tail, Optional<ProjectionCheck.Result> compared)
      throws IOException {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("holds", firstBad.isEmpty() && compared.map(c -> c.same()).orElse(true));
    tree.put("source", source.name());
    if (source instanceof EvidenceSource evidence) {
      tree.put("sha256", FileHash.sha256(Path.of(source.name())));
      tree.put("manifest", evidence.manifest());
    }
    tree.put("node", source.nodeId());
    tree.put("events", events);
    tree.put("firstSequence", first);
    tree.put("lastGoodSequence", lastGood);
    tree.put("generations", generations.size());
    tree.put("head", head());
    tree.put("firstBad", firstBad);
    tree.put("tail", tail);
    tree.put("checkpoints", witness.words().orElse(""));
    tree.put("uncoveredByCheckpoints", witness.uncovered());
    tree.put("unknownTypes", unknownTypes);
    tree.put("redacted", redacted);
    tree.put("clockJumps", clock.jumps());
    tree.put("doesNotProve", notProven(source.dense()));
    compared.ifPresent(result -> tree.put("projection", result.tree()));
    return tree;
  }
}

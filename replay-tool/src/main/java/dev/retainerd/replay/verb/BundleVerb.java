package dev.retainerd.replay.verb;

import dev.retainerd.eventlog.Secrets;
import dev.retainerd.eventlog.event.SecretSpans;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.replay.evidence.EvidenceWriter;
import dev.retainerd.replay.evidence.Manifest;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.store.words.Life;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.store.words.Told;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind bundle}: one evidence file. */
@Command(
    name = "bundle",
    sortOptions = false,
    description = {
      "write one evidence file: events with their proofs, signed checkpoints, the public key,",
      "a manifest of hashes; anybody can check it offline with rewind open, unzip and sha256sum"
    })
public class BundleVerb extends Verb {
  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "FILE",
      description = "where to")
  Path output;

  @Option(names = "--from", paramLabel = "SEQ|TIME", description = "first event")
  String from = "0";

  @Option(names = "--to", paramLabel = "SEQ|TIME", description = "last event")
  String to = "end";

  @Option(
      names = "--about",
      paramLabel = "ID",
      description = "only what belongs to the life of this pod, container or image")
  String about = "";

  @Option(
      names = "--redact",
      paramLabel = "RULE",
      split = ",",
      description = "take secrets out: all, env, args, annotations, credentials")
  List<String> rules = new ArrayList<>();

  @Override
  protected int run(History history) throws IOException {
    return write(history, RedactionRules.of(rules, Optional.empty()));
  }

  /** Writes the file, with these rules. */
  protected final int write(History history, RedactionRules redaction) throws IOException {
    EventSource source = history.source();
    Optional<String> subject =
        about.isEmpty() ? Optional.empty() : Optional.of(history.find(about));
    Optional<Life> life = subject.map(Life::new);
    long first = history.first(point(from));
    long last = history.last(point(to));
    EvidenceWriter.About what =
        new EvidenceWriter.About(
            "rewind " + Version.text(),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            source.nodeId(),
            subject.map(id -> "about " + id + ", ").orElse("") + "from " + from + " to " + to,
            redaction.words(),
            life.isEmpty() && source.dense());
    Manifest manifest;
    try (OutputFile file = OutputFile.create(output, source);
        EvidenceWriter writer = new EvidenceWriter(file.stream(), what, source.witness());
        EventSource.Walk walk = source.walk(1, true)) {
      for (Optional<LogEntry> e = walk.next(); e.isPresent(); e = walk.next()) {
        Told told = good(e.get());
        boolean wanted =
            life.map(l -> l.accept(told)).orElse(true)
                && told.sequence() >= first
                && told.sequence() <= last;
        boolean redact = wanted && redaction.covers(told);
        if (redact) {
          refuseUncommitted(told);
        }
        writer.take(told.envelope(), wanted, redact);
      }
      manifest = writer.finish();
      if (manifest.events() == 0) {
        throw new LookFailure(
            "no event lies from "
                + from
                + " to "
                + to
                + ": there is nothing to put into "
                + output);
      }
      writer.close();
      file.commit();
    }
    report(manifest);
    return HOLDS;
  }

  /**
   * Only what an event's hash commits to by itself can be taken out of it. What this version's
   * schema marks as secret, and the version that wrote the event did not, would stay.
   */
  private static void refuseUncommitted(Told told) {
    if (told.envelope().secrets().redacted()) {
      return;
    }
    List<Secrets.Span> committed = told.envelope().secrets().spans();
    for (Secrets.Span span : SecretSpans.of(told.event().payload(), told.envelope().payload())) {
      boolean covered =
          committed.stream()
              .anyMatch(
                  c ->
                      c.offset() <= span.offset()
                          && span.offset() + span.length() <= c.offset() + c.length());
      if (!covered) {
        throw new LookFailure(
            "event "
                + told.sequence()
                + " ("
                + told.type().title()
                + ") was written with a secret that its hash does not commit to by itself, so it"
                + " cannot be taken out: leave the event out with --from, --to or --about");
      }
    }
  }

  /** Evidence is made of a history that holds, or not at all. */
  private static Told good(LogEntry entry) {
    return switch (entry) {
      case LogEntry.Good good -> Told.of(good.envelope());
      case LogEntry.ChainBroken broken -> throw broken(broken.detail());
      case LogEntry.HashWrong wrong ->
          throw broken("the hash of event " + wrong.envelope().sequence() + " is wrong");
      case LogEntry.Lost lost -> throw broken(lost.detail());
    };
  }

  private static LookFailure broken(String detail) {
    return new LookFailure(
        "this history does not hold, so no evidence is made of it ("
            + detail
            + "); copy the folder as it is, and see rewind verify");
  }

  private void report(Manifest manifest) throws IOException {
    String sum = FileHash.sha256(output);
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("file", output.toString());
      tree.put("bytes", Files.size(output));
      tree.put("sha256", sum);
      tree.put("manifest", manifest);
      printJson(tree);
      return;
    }
    println(
        output
            + ": "
            + manifest.events()
            + (manifest.dense() ? " events, " : " selected events of ")
            + manifest.first()
            + " to "
            + manifest.last()
            + ", "
            + Phrases.bytes(Files.size(output))
            + (manifest.redacted() == 0
                ? ""
                : ", " + manifest.redacted() + " of them without their secrets"));
    println("sha256 " + sum + " (note it elsewhere: it stands for the whole file)");
  }
}

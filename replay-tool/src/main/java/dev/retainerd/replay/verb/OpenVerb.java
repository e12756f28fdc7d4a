package dev.retainerd.replay.verb;

import dev.retainerd.replay.evidence.EvidenceSource;
import dev.retainerd.replay.evidence.Manifest;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind open}: what an evidence file holds, and whether it does. */
@Command(
    name = "open",
    sortOptions = false,
    description = {
      "say what an evidence file holds and verify it, offline and without the node;",
      "exit status 0: it holds, 1: it does not, 2: could not look"
    })
public final class OpenVerb extends Verb {
  @Option(
      names = "--key",
      paramLabel = "FILE",
      description =
          "the node's public key as noted elsewhere: then a file made up as a whole shows")
  Path key;

  @Option(
      names = "--checkpoints",
      paramLabel = "FILE",
      description = "signed checkpoints kept elsewhere")
  Path checkpoints;

  @Override
  protected boolean looksAtFaults() {
    return true;
  }

  @Override
  protected int run(History history) throws IOException {
    if (!(history.source() instanceof EvidenceSource evidence)) {
      throw new LookFailure(where + " is no evidence file; rewind verify looks at a folder");
    }
    Manifest m = evidence.manifest();
    if (!json) {
      println("file:   " + where + ", sha256 " + FileHash.sha256(Path.of(where)));
      println("made:   " + m.made() + " by " + m.tool());
      println("holds:  " + m.events() + " events, " + m.selection());
      if (!m.redaction().isEmpty()) {
        println("taken out: the secrets of " + m.redacted() + " events, by rule: " + m.redaction());
      }
    }
    VerifyVerb verify = new VerifyVerb();
    verify.takeOver(this, key, checkpoints);
    return verify.run(history);
  }
}

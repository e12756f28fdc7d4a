package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind redact}: an evidence file without secrets, which verifies like the log. */
@Command(
    name = "redact",
    sortOptions = false,
    description = {
      "write an evidence file with secrets taken out; it verifies as the log itself does, since",
      "an event's hash covers its secrets through a salted commitment"
    },
    footer = {
      "",
      "An event is redacted as a whole: all its secret fields, or none. Rules add up; without any,",
      "all events are redacted. What counts as secret is marked in the schema: specs, processes,"
          + " CRI",
      "configs, annotations, extensions."
    })
public final class RedactVerb extends BundleVerb {
  @Option(
      names = "--rule",
      paramLabel = "RULE",
      split = ",",
      description = "all (default), env, args, annotations, credentials: events that hold such")
  List<String> named = new ArrayList<>();

  @Option(
      names = "--where",
      paramLabel = "PREDICATE",
      description = "events of which it holds, such as: namespace == k8s.io and subject ~ web")
  String predicate = "";

  @Override
  protected int run(History history) throws IOException {
    named.addAll(rules);
    if (named.isEmpty() && predicate.isEmpty()) {
      named.add("all");
    }
    return write(history, RedactionRules.of(named, where(predicate)));
  }
}

package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** CloudEvents 1.0 in their JSON format, one a line. */
public final class CloudEventsFormat implements Format {
  private final PrintStream out;
  private final Function<Told, Map<String, Object>> trees;
  private final String node;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();

  public CloudEventsFormat(
      PrintStream out, Function<Told, Map<String, Object>> trees, String node) {
    this.out = out;
    this.trees = trees;
    this.node = node;
  }

  @Override
  public void add(Told told) {
    Map<String, Object> all = trees.apply(told);
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("specversion", "1.0");
    event.put("id", Long.toString(told.sequence()));
    event.put("source", "/retainerd/" + (node.isEmpty() ? "unknown" : node));
    event.put("type", "dev.retainerd." + told.type().title());
    event.put("subject", told.envelope().subject());
    event.put("time", told.time().toString());
    event.put("datacontenttype", "application/json");
    // Names of extensions are lower case letters and digits only.
    event.put("sequence", String.format("%020d", told.sequence()));
    if (!told.envelope().namespace().isEmpty()) {
      event.put("namespace", told.envelope().namespace());
    }
    event.put("data", all);
    out.println(gson.toJson(event));
  }
}

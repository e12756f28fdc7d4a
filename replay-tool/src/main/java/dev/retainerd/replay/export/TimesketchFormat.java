package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * JSON Lines with the fields that Timesketch asks for (message, datetime in ISO 8601, timestamp in
 * microseconds, timestamp_desc), and ours beside them, all flat.
 */
public final class TimesketchFormat implements Format {
  private final PrintStream out;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();

  public TimesketchFormat(PrintStream out) {
    this.out = out;
  }

  @Override
  public void add(Told told) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("message", told.sentence());
    event.put("datetime", told.time().truncatedTo(ChronoUnit.MICROS).toString());
    event.put("timestamp", Math.floorDiv(told.envelope().wallNanos(), 1_000L));
    event.put("timestamp_desc", told.type().title());
    event.put("data_type", "retainerd:event");
    event.put("sequence", told.sequence());
    event.put("namespace", told.envelope().namespace());
    event.put("subject", told.envelope().subject());
    event.put("actor", told.by());
    event.put("uid", told.envelope().actor().uid());
    event.put("request_id", told.envelope().requestId());
    event.put("caused_by", told.envelope().causedBySequence());
    out.println(gson.toJson(event));
  }
}

package dev.retainerd.bench.report;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.bench.measure.Measurement;
import java.util.List;

/** The same results for programs: every sample, in milliseconds, in the order it was taken. */
public final class JsonReport {
  private JsonReport() {}

  /** One scenario. */
  public static JsonObject of(String scenario, List<Measurement> measurements) {
    JsonObject json = new JsonObject();
    json.addProperty("scenario", scenario);
    JsonArray targets = new JsonArray();
    for (Measurement one : measurements) {
      JsonObject target = new JsonObject();
      target.addProperty("target", one.target());
      JsonObject phases = new JsonObject();
      one.phases()
          .forEach(
              (phase, samples) -> {
                JsonArray values = new JsonArray();
                for (long nanos : samples.nanos()) {
                  values.add(nanos / 1e6);
                }
                phases.add(phase, values);
              });
      target.add("millis", phases);
      targets.add(target);
    }
    json.add("targets", targets);
    return json;
  }
}

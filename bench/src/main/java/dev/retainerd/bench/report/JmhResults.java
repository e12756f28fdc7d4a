package dev.retainerd.bench.report;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.measure.Unit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What JMH measured inside a process ({@code -rf json}), so that it can stand beside what was
 * measured from outside.
 */
public final class JmhResults {
  private static final Map<String, Double> SECONDS =
      Map.of("s", 1.0, "ms", 1e-3, "us", 1e-6, "ns", 1e-9, "min", 60.0);

  private JmhResults() {}

  /**
   * A stage {@code own-parts} of one target.
   *
   * @throws IllegalArgumentException when {@code json} is no result of JMH
   */
  public static StageResult read(String json) {
    Map<Metric, Samples> samples = new LinkedHashMap<>();
    try {
      for (JsonElement element : new Gson().fromJson(json, JsonArray.class)) {
        JsonObject one = element.getAsJsonObject();
        JsonObject score = one.getAsJsonObject("primaryMetric");
        String[] unit = score.get("scoreUnit").getAsString().split("/");
        boolean rate = unit[0].equals("ops");
        Double seconds = unit.length == 2 ? SECONDS.get(rate ? unit[1] : unit[0]) : null;
        if (seconds == null) {
          throw new IllegalArgumentException(
              "the unit " + score.get("scoreUnit").getAsString() + " is not known");
        }
        List<Double> values = new ArrayList<>();
        for (JsonElement fork : score.getAsJsonArray("rawData")) {
          for (JsonElement value : fork.getAsJsonArray()) {
            values.add(rate ? value.getAsDouble() / seconds : value.getAsDouble() * seconds * 1e3);
          }
        }
        samples.put(
            new Metric(name(one), rate ? Unit.PER_SECOND : Unit.MILLIS), Samples.of(values));
      }
    } catch (JsonParseException
        | IllegalStateException
        | NullPointerException
        | ClassCastException e) {
      throw new IllegalArgumentException("it is no result of JMH", e);
    }
    if (samples.isEmpty()) {
      throw new IllegalArgumentException("it holds no benchmark");
    }
    return new StageResult(
        "own-parts",
        "parts of retainerd alone, by JMH",
        List.of(new Measurement("retainerd", false, samples, List.of())));
  }

  /** Class and method, and the parameters where there are any. */
  private static String name(JsonObject one) {
    String[] parts = one.get("benchmark").getAsString().split("\\.");
    String name = parts[Math.max(0, parts.length - 2)] + "." + parts[parts.length - 1];
    return one.has("params") ? name + " " + one.getAsJsonObject("params") : name;
  }
}

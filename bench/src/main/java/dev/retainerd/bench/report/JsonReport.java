package dev.retainerd.bench.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.measure.Unit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A run for programs: every sample in the order it was taken. The schema's name stands in the field
 * {@code schema}; fields are added under the same name, and anything else gets a new one.
 */
public final class JsonReport {
  /** Name of the schema. */
  public static final String SCHEMA = "retain-bench/1";

  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private JsonReport() {}

  /** The document. */
  public static String write(RunResult run) {
    JsonObject json = new JsonObject();
    json.addProperty("schema", SCHEMA);
    json.addProperty("startedAt", run.startedAt());
    json.addProperty("seconds", run.seconds());
    json.add("machine", GSON.toJsonTree(run.machine()));
    json.add("versions", GSON.toJsonTree(run.versions()));
    json.add("sizes", GSON.toJsonTree(run.sizes()));
    JsonArray stages = new JsonArray();
    run.stages().forEach(stage -> stages.add(stage(stage)));
    json.add("stages", stages);
    json.add("faults", GSON.toJsonTree(run.faults()));
    return json + "\n";
  }

  private static JsonObject stage(StageResult stage) {
    JsonObject json = new JsonObject();
    json.addProperty("name", stage.name());
    json.addProperty("title", stage.title());
    JsonArray targets = new JsonArray();
    for (Measurement one : stage.measurements()) {
      JsonObject target = new JsonObject();
      target.addProperty("name", one.target());
      target.addProperty("floor", one.floor());
      JsonArray metrics = new JsonArray();
      one.samples()
          .forEach(
              (metric, samples) -> {
                JsonObject entry = new JsonObject();
                entry.addProperty("name", metric.name());
                entry.addProperty("unit", metric.unit().name());
                entry.add("values", GSON.toJsonTree(samples.values()));
                metrics.add(entry);
              });
      target.add("metrics", metrics);
      target.add("curves", GSON.toJsonTree(one.curves()));
      targets.add(target);
    }
    json.add("targets", targets);
    return json;
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IllegalArgumentException when it is something else
   */
  public static RunResult read(String text) {
    try {
      JsonObject json = GSON.fromJson(text, JsonObject.class);
      if (json == null || !json.has("schema")) {
        throw new IllegalArgumentException("it has no field schema");
      }
      if (!json.get("schema").getAsString().equals(SCHEMA)) {
        throw new IllegalArgumentException(
            "its schema is " + json.get("schema").getAsString() + ", not " + SCHEMA);
      }
      List<StageResult> stages = new ArrayList<>();
      json.getAsJsonArray("stages").forEach(stage -> stages.add(stageOf(stage.getAsJsonObject())));
      List<FaultResult> faults = new ArrayList<>();
      json.getAsJsonArray("faults")
          .forEach(fault -> faults.add(GSON.fromJson(fault, FaultResult.class)));
      return new RunResult(
          json.get("startedAt").getAsString(),
          json.get("seconds").getAsDouble(),
          strings(json.getAsJsonObject("machine")),
          strings(json.getAsJsonObject("versions")),
          strings(json.getAsJsonObject("sizes")),
          stages,
          faults);
    } catch (com.google.gson.JsonParseException
        | IllegalStateException
        | NullPointerException
        | ClassCastException e) {
      throw new IllegalArgumentException("it is not a report of retain-bench", e);
    }
  }

  private static StageResult stageOf(JsonObject json) {
    List<Measurement> measurements = new ArrayList<>();
    for (JsonElement element : json.getAsJsonArray("targets")) {
      JsonObject target = element.getAsJsonObject();
      Map<Metric, Samples> samples = new LinkedHashMap<>();
      for (JsonElement entry : target.getAsJsonArray("metrics")) {
        JsonObject metric = entry.getAsJsonObject();
        samples.put(
            new Metric(
                metric.get("name").getAsString(), Unit.valueOf(metric.get("unit").getAsString())),
            new Samples(GSON.fromJson(metric.get("values"), double[].class)));
      }
      List<Curve> curves = new ArrayList<>();
      target.getAsJsonArray("curves").forEach(c -> curves.add(GSON.fromJson(c, Curve.class)));
      measurements.add(
          new Measurement(
              target.get("name").getAsString(),
              target.get("floor").getAsBoolean(),
              samples,
              curves));
    }
    return new StageResult(
        json.get("name").getAsString(), json.get("title").getAsString(), measurements);
  }

  private static Map<String, String> strings(JsonObject json) {
    Map<String, String> strings = new LinkedHashMap<>();
    json.entrySet().forEach(entry -> strings.put(entry.getKey(), entry.getValue().getAsString()));
    return strings;
  }
}

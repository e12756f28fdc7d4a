package dev.retainerd.runtime.session;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.proto.Opaque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The process part of the specs of containers in which commands are run again and again, such as
 * probes: a whole spec takes a millisecond to parse. Bounded; the longest unused goes. Thread-safe.
 */
final class ParsedSpecs {
  private static final int CONTAINERS_MAX = 128;

  /** Of a spec that is still the very same object in the state. */
  private record Parsed(Opaque spec, JsonObject process) {}

  private final Map<String, Parsed> known = new LinkedHashMap<>(16, 0.75f, true);

  /**
   * The container's spec, of which only {@code process} need be there. Not to be changed.
   *
   * @param spec as the state has it now
   */
  JsonObject of(String containerId, Opaque spec) {
    synchronized (known) {
      Parsed parsed = known.get(containerId);
      if (parsed != null && parsed.spec() == spec) {
        return parsed.process();
      }
    }
    JsonObject process = new JsonObject();
    process.add(
        "process",
        JsonParser.parseString(spec.getValue().toStringUtf8()).getAsJsonObject().get("process"));
    synchronized (known) {
      known.put(containerId, new Parsed(spec, process));
      if (known.size() > CONTAINERS_MAX) {
        known.remove(known.keySet().iterator().next());
      }
    }
    return process;
  }
}

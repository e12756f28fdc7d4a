package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.StringReader;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Neither Perfetto nor Timesketch has a validator on Maven Central, npm or Debian: their formats'
 * published rules are checked here, from the text that comes out. What Perfetto's importer drops or
 * complains of counts as wrong.
 */
class TraceRulesTest {
  @TempDir Path folder;

  private List<JsonObject> trace(Path log) {
    String text = Rewind.run("export", log, "--format", "perfetto").expect(0).text();
    JsonObject whole = JsonParser.parseReader(new StringReader(text)).getAsJsonObject();
    assertEquals("ms", whole.get("displayTimeUnit").getAsString());
    return whole.getAsJsonArray("traceEvents").asList().stream()
        .map(JsonElement::getAsJsonObject)
        .toList();
  }

  private static long number(JsonObject event, String field) {
    String text = event.get(field).getAsString();
    assertTrue(text.matches("\\d{1,16}"), () -> field + " is no whole number: " + event);
    return Long.parseLong(text);
  }

  private static String phase(JsonObject event) {
    return event.get("ph").getAsString();
  }

  /** Groups and tracks are named once, before anything lies on them, and no number is both. */
  private static Map<Long, String> namesAreDeclaredFirst(List<JsonObject> trace) {
    Map<Long, String> groups = new HashMap<>();
    Map<Long, String> tracks = new HashMap<>();
    Map<Long, Long> groupOf = new HashMap<>();
    for (JsonObject event : trace) {
      long group = number(event, "pid");
      long track = number(event, "tid");
      assertFalse(event.get("name").getAsString().isEmpty(), event::toString);
      if (phase(event).equals("M")) {
        boolean isGroup = event.get("name").getAsString().equals("process_name");
        assertTrue(isGroup || event.get("name").getAsString().equals("thread_name"));
        String name = event.getAsJsonObject("args").get("name").getAsString();
        assertFalse(name.isEmpty());
        String before = (isGroup ? groups : tracks).put(isGroup ? group : track, name);
        assertEquals(null, before, () -> "named twice: " + event);
        if (!isGroup) {
          groupOf.put(track, group);
        }
      } else {
        assertTrue(groups.containsKey(group), () -> "of no group: " + event);
        assertTrue(tracks.containsKey(track), () -> "on no track: " + event);
        assertEquals(groupOf.get(track), group, event::toString);
        assertEquals("retainerd", event.get("cat").getAsString());
      }
    }
    Set<Long> both = new HashSet<>(groups.keySet());
    both.retainAll(tracks.keySet());
    assertEquals(Set.of(), both);
    Map<Long, String> names = new TreeMap<>(groups);
    names.putAll(tracks);
    return names;
  }

  /** A slice on a track's stack. */
  private record Slice(long end, JsonObject event) {}

  /** Sorted by time, as an importer does it, slices nest or are disjoint, and flows hit one. */
  private static int slicesNestAndFlowsBind(List<JsonObject> trace) {
    List<JsonObject> sorted =
        new ArrayList<>(trace.stream().filter(e -> !phase(e).equals("M")).toList());
    sorted.sort(Comparator.comparingLong(e -> number(e, "ts")));
    Map<Long, Deque<Slice>> stacks = new HashMap<>();
    Map<Long, JsonObject> begun = new HashMap<>();
    Set<Long> ended = new HashSet<>();
    for (JsonObject event : sorted) {
      Deque<Slice> stack = stacks.computeIfAbsent(number(event, "tid"), tid -> new ArrayDeque<>());
      long at = number(event, "ts");
      switch (phase(event)) {
        case "X", "i" -> {
          boolean mark = phase(event).equals("i");
          assertTrue(!mark || event.get("s").getAsString().equals("t"), event::toString);
          long end = at + (mark ? 0 : number(event, "dur"));
          while (!stack.isEmpty() && stack.peek().end <= at) {
            stack.pop();
          }
          assertTrue(
              stack.isEmpty() || end <= stack.peek().end,
              () -> event + " overlaps " + stack.peek().event);
          stack.push(new Slice(end, event));
        }
        case "s" -> {
          assertFalse(stack.isEmpty(), () -> "a flow from nothing: " + event);
          assertEquals(null, begun.put(number(event, "id"), event), event::toString);
        }
        case "f" -> {
          assertFalse(stack.isEmpty(), () -> "a flow to nothing: " + event);
          assertEquals("e", event.get("bp").getAsString());
          assertTrue(begun.containsKey(number(event, "id")), () -> "from nowhere: " + event);
          assertTrue(ended.add(number(event, "id")), () -> "ends twice: " + event);
        }
        default -> throw new AssertionError("an unknown phase: " + event);
      }
    }
    assertEquals(begun.keySet(), ended);
    return ended.size();
  }

  /** Each event is a mark, or begins or ends one slice; runs lie on tracks of their own. */
  private static void everyEventIsThereOnce(List<JsonObject> trace, long events) {
    Set<Long> seen = new HashSet<>();
    for (JsonObject event : trace) {
      boolean run = event.get("name").getAsString().startsWith("run");
      if ((phase(event).equals("X") || phase(event).equals("i")) && !run) {
        JsonObject arguments = event.getAsJsonObject("args");
        assertTrue(seen.add(number(arguments, "sequence")), event::toString);
        if (arguments.has("begins")) {
          assertTrue(seen.add(number(arguments, "begins")), event::toString);
        }
        assertFalse(arguments.get("sentence").getAsString().isEmpty());
      }
    }
    assertEquals(events, seen.size());
  }

  private static long events(Path log) {
    return Rewind.run("verify", log, "--json").json().get("events").getAsLong();
  }

  @Test
  void aDayKeepsToTheRulesOfTraces() {
    Path log = folder.resolve("log");
    NodeStory.aDay(log);
    List<JsonObject> trace = trace(log);
    Map<Long, String> names = namesAreDeclaredFirst(trace);
    assertTrue(names.values().stream().anyMatch(n -> n.startsWith("pod ")), names::toString);
    assertTrue(names.values().stream().anyMatch(n -> n.startsWith("container ")), names::toString);
    assertTrue(slicesNestAndFlowsBind(trace) > 5, "causes are drawn");
    everyEventIsThereOnce(trace, events(log));
    assertTrue(
        trace.stream().anyMatch(e -> e.get("name").getAsString().endsWith("(no end)")),
        "an intent without an outcome says so");
  }

  @Test
  void aBusyNodeWithAClockThatIsSetBackKeepsToThem() {
    Path log = folder.resolve("log");
    BusyNode.writeWithSetClock(log, 6_000, Long.MAX_VALUE, 3_000, -1_500_000_000L);
    List<JsonObject> trace = trace(log);
    namesAreDeclaredFirst(trace);
    slicesNestAndFlowsBind(trace);
    everyEventIsThereOnce(trace, events(log));
  }

  @Test
  void timesketchGetsWhatItAsksFor() {
    Path log = folder.resolve("log");
    NodeStory.aDay(log);
    List<String> lines =
        Rewind.run("export", log, "--format", "timesketch").expect(0).text().lines().toList();
    assertEquals(events(log), lines.size());
    for (String line : lines) {
      JsonObject event = JsonParser.parseString(line).getAsJsonObject();
      assertFalse(event.get("message").getAsString().isBlank(), line);
      assertFalse(event.get("timestamp_desc").getAsString().isBlank(), line);
      Instant time = OffsetDateTime.parse(event.get("datetime").getAsString()).toInstant();
      assertEquals(ChronoUnit.MICROS.between(Instant.EPOCH, time), number(event, "timestamp"));
      assertTrue(event.entrySet().stream().allMatch(e -> e.getValue().isJsonPrimitive()), line);
    }
  }
}

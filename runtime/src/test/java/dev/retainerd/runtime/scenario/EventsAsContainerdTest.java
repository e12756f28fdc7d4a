package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The same life of an image, a container and a snapshot, told by {@code ctr events} of this daemon
 * and of the host's containerd: the same topics, and in each the same fields.
 */
@Tag("real")
class EventsAsContainerdTest {
  private static final Pattern LINE =
      Pattern.compile("\\S+ \\S+ \\S+ UTC \\S+ (/[a-z/-]+) (\\{.*\\})");
  private static final String NAMESPACE = "told";

  /** What is told of garbage too, which containerd collects in silence. */
  private static final String OURS = "/content/delete";

  /** Words are split at blanks; the script ends at the first that fails. */
  private static final List<String> LIFE =
      List.of(
          "namespaces create " + NAMESPACE + "2 a=b",
          "namespaces label " + NAMESPACE + "2 c=d",
          "namespaces rm " + NAMESPACE + "2",
          "images tag " + Node.IMAGE + " other:1",
          "images label other:1 a=b",
          "images rm other:1",
          "containers create " + Node.IMAGE + " c1 sleep 1000",
          "containers label c1 a=b",
          "tasks start -d c1",
          "tasks exec --exec-id e c1 true",
          "tasks pause c1",
          "tasks resume c1",
          "tasks exec --exec-id last c1 true",
          "tasks rm -f c1",
          "containers rm c1",
          "snapshots prepare p",
          "snapshots commit q p",
          "snapshots rm q");

  private static List<String> ctr(Path socket, String line) {
    List<String> command =
        new ArrayList<>(List.of("ctr", "--address", socket.toString(), "--namespace", NAMESPACE));
    command.addAll(List.of(line.split(" ")));
    return command;
  }

  /** Fields of the payloads, by topic. */
  private static Map<String, Set<String>> told(Path socket, Path archive, Path out)
      throws Exception {
    Host.run(60, ctr(socket, "images import " + archive)).expectSuccess();
    Process events = Host.start(out, ctr(socket, "events"));
    try {
      // The subscription has no answer that says it stands.
      Eventually.holds(
          "an event that is seen",
          Duration.ofSeconds(30),
          () -> {
            Host.run(20, ctr(socket, "snapshots prepare first" + System.nanoTime()));
            return Files.readString(out).contains("/snapshot/prepare");
          });
      for (String line : LIFE) {
        Host.Output output = Host.run(60, ctr(socket, line));
        // ctr hands on the exit status of a task that was killed.
        assertTrue(output.code() == 0 || line.startsWith("tasks rm"), line + ": " + output.text());
      }
      Eventually.holds(
          "the last event",
          Duration.ofSeconds(30),
          () -> read(out).containsKey("/snapshot/remove"));
      return read(out);
    } finally {
      events.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
    }
  }

  private static Map<String, Set<String>> read(Path out) throws IOException {
    Map<String, Set<String>> found = new TreeMap<>();
    for (String line : Files.readAllLines(out)) {
      Matcher matcher = LINE.matcher(line);
      if (matcher.matches()) {
        JsonObject payload = JsonParser.parseString(matcher.group(2)).getAsJsonObject();
        Set<String> fields = found.computeIfAbsent(matcher.group(1), t -> new TreeSet<>());
        payload.entrySet().forEach(field -> addFields(fields, field.getKey(), field.getValue()));
      }
    }
    return found;
  }

  private static void addFields(Set<String> fields, String name, JsonElement value) {
    fields.add(name);
    if (value.isJsonArray()) {
      for (JsonElement one : value.getAsJsonArray()) {
        if (one.isJsonObject()) {
          one.getAsJsonObject().keySet().forEach(inner -> fields.add(name + "[]." + inner));
        }
      }
    }
  }

  @Test
  void theSameLifeIsToldInTheSameTopicsAndFields() throws Exception {
    try (Node node = Node.started()) {
      Path folder = Files.createDirectories(node.folder().resolve("containerd"));
      Process containerd = StockContainerd.start(folder);
      try {
        Path socket = StockContainerd.socket(folder);
        Eventually.holds(
            "containerd answers",
            Duration.ofSeconds(30),
            () -> Host.run(20, ctr(socket, "version")).code() == 0);
        Map<String, Set<String>> theirs =
            told(socket, node.archive(), node.folder().resolve("theirs"));
        Map<String, Set<String>> ours =
            told(node.socket(), node.archive(), node.folder().resolve("ours"));
        ours.remove(OURS);
        theirs.remove(OURS);
        assertEquals(theirs, ours);
        assertTrue(theirs.size() >= 17, theirs::toString);
        assertTrue(ours.get("/tasks/create").contains("rootfs[].options"), ours::toString);
      } finally {
        containerd.destroy();
        containerd.waitFor(20, TimeUnit.SECONDS);
      }
    }
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.LinuxContainerResources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every verb of rewind on the log of a real node that was killed and started again, whose shim was
 * killed, and one of whose containers ran out of memory: beside the living daemon, over its socket,
 * and on a read-only mount.
 */
@Tag("real")
class RewindTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int MEMORY_BYTES = 32 << 20;

  private static Node node;
  private static String pod;
  private static String counter;
  private static String second;
  private static String greedy;
  private static long beforeTheKill;

  @BeforeAll
  static void live() {
    node = Node.started();
    Pods pods = new Pods(node);
    node.importImage("k8s.io");
    pod = pods.run("p");
    counter = pods.start(pod, "p", "counter", Pods.COUNTER);
    second = pods.start(pod, "p", "second", "until [ -e /signal/go ]; do sleep 0.02; done; exit 7");
    greedy = greedy(pods);
    awaitExit(pods, greedy);
    beforeTheKill = new History(node).lastSequence();
    long secondPid = pods.pid(second);
    node.killDaemon();
    pods.signal("go");
    Eventually.holds("the second container's end", PATIENCE, () -> !Host.runs(secondPid));
    node.start();
    awaitExit(pods, second);
    long pid = pods.pid(counter);
    Host.kill9(Host.parentOf(pid));
    int lines = pods.log("p", "counter").size();
    Eventually.holds(
        "a log that grows again", PATIENCE, () -> pods.log("p", "counter").size() > lines + 5);
    pods.stop(counter, 10);
    assertEquals(3, pods.status(counter).getExitCode());
    node.stopDaemon();
    node.start();
  }

  private static String greedy(Pods pods) {
    ContainerConfig.Builder config =
        pods.containerConfig("greedy", "x=a; while :; do x=$x$x; done").toBuilder();
    config
        .getLinuxBuilder()
        .setResources(LinuxContainerResources.newBuilder().setMemoryLimitInBytes(MEMORY_BYTES));
    return pods.start(pod, "p", config.build());
  }

  private static void awaitExit(Pods pods, String container) {
    Eventually.holds(
        "the exit of " + container,
        PATIENCE,
        () -> pods.status(container).getState() == ContainerState.CONTAINER_EXITED);
  }

  @AfterAll
  static void close() {
    if (node != null) {
      node.close();
    }
  }

  private static String log() {
    return node.root().resolve("log").toString();
  }

  private static String said(String... arguments) {
    return node.rewind(arguments).expectSuccess();
  }

  private static void says(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), () -> "\"" + part + "\" is not in:\n" + text);
    }
  }

  private static JsonObject json(String... arguments) {
    String text = said(arguments);
    return JsonParser.parseString(text.substring(text.indexOf("{\n"))).getAsJsonObject();
  }

  @Test
  void verifyHoldsBesideTheLivingDaemon() {
    says(said("verify", log()), "whole: events 1 to ", "what the workload itself did");
    says(said("verify", node.root().toString(), "--json"), "\"holds\": true");
  }

  @Test
  void theStoreIsWhatTheEventsMake() {
    says(said("verify", log(), "--projection"), "the same as the events make");
  }

  @Test
  void explainAnswersWhoAndWhyInOneLine() {
    says(
        said("explain", log(), second.substring(0, 12)),
        "(second) exited with code 7",
        "of its own accord",
        "no daemon lived at that moment");
    says(said("explain", log(), greedy), "(greedy) ", "it ran out of its memory limit");
    says(said("explain", log(), counter), "a stop was asked for at", "SIGTERM was sent");
  }

  @Test
  void timelineShowsTheDeathsOfDaemonAndShim() {
    says(
        said("timeline", log(), counter),
        "the one before it had not stopped cleanly",
        "shim ",
        "(took ");
    says(said("timeline", log(), pod), "ran out of its memory limit");
  }

  @Test
  void stateIsThatOfThen() {
    String then = said("state", log(), "--at", Long.toString(beforeTheKill));
    says(then, "RUNNING", "Ready", node.subnet() + ".");
    String now = said("state", log());
    says(now, "EXITED", "IMAGES");
    assertFalse(
        json("state", log(), "--json").getAsJsonArray("sandbox").isEmpty(), "pods in the state");
  }

  @Test
  void diffNamesWhatChangedAndByWhichEvent() {
    says(
        said("diff", log(), Long.toString(beforeTheKill), "end"),
        "exit={status=7",
        "is gone, it was RUNNING  by event ");
  }

  @Test
  void bisectFindsTheFirstEvent() {
    says(said("bisect", log(), "--where", "exists(task where oom_killed)"), "first holds with");
    says(
        said("bisect", log(), "--where", "type == DaemonStarted and sequence > " + beforeTheKill),
        "first holds with event ");
    for (String invariant :
        List.of("task-has-container", "container-has-pod", "address-once", "exits-known")) {
      Host.Output answer = node.rewind("bisect", log(), "--invariant", invariant);
      assertEquals(1, answer.code(), invariant + ": " + answer.text());
    }
  }

  @Test
  void thisVersionFoldsItAndCountsIt() {
    says(said("what-if", log()), "without a divergence");
    says(said("stats", log()), "daemon starts: 3", "create task");
  }

  @Test
  void everyFormatIsWritten() throws IOException {
    for (String format :
        List.of(
            "jsonl",
            "csv",
            "cloudevents",
            "otlp-logs",
            "otlp-spans",
            "timesketch",
            "perfetto",
            "html")) {
      Path file = node.folder().resolve("export." + format);
      said("export", log(), "--format", format, "-o", file.toString());
      assertTrue(Files.size(file) > 1_000, format);
    }
  }

  @Test
  void evidenceHoldsElsewhereAlsoWithoutItsSecrets() throws IOException {
    Path file = node.folder().resolve("case.evidence");
    says(said("bundle", log(), "-o", file.toString(), "--about", second), "selected events");
    says(said("open", file.toString()), "whole: ");
    says(said("explain", file.toString(), second), "exited with code 7");
    Path redacted = node.folder().resolve("redacted.evidence");
    said("redact", log(), "-o", redacted.toString());
    says(said("open", redacted.toString()), "taken out: the secrets of ", "whole: events 1 to ");
    assertEquals(said("timeline", log(), second), said("timeline", redacted.toString(), second));
  }

  @Test
  void aLivingDaemonIsReadOverItsSocket() {
    String socket = "unix:" + node.socket();
    says(said("verify", socket), "whole: events 1 to ", "signed checkpoint");
    says(said("explain", socket, greedy), "it ran out of its memory limit");
    says(said("log", socket, "--type", "TaskOom"), "TaskOom");
    String then = Long.toString(beforeTheKill);
    for (List<String> verb :
        List.of(
            List.of("log", "--to", then),
            List.of("state", "--at", then),
            List.of("diff", "5", then),
            List.of("timeline", greedy, "--no-index"),
            List.of("bisect", "--where", "exists(task where oom_killed)"),
            List.of("export", "--format", "otlp-spans", "--to", then),
            List.of("export", "--format", "perfetto", "--to", then))) {
      assertEquals(answer(on(log(), verb)), answer(on(socket, verb)), verb::toString);
    }
    says(said("what-if", socket), "without a divergence");
    says(said("stats", socket), "daemon starts: 3");
    for (String verb : List.of("bundle", "redact")) {
      String file = node.folder().resolve("socket-" + verb + ".evidence").toString();
      said(verb, socket, "-o", file);
      says(said("open", file), "whole: events 1 to ", "signed checkpoint");
    }
    Host.Output nobody = node.rewind("verify", "unix:" + node.folder().resolve("nobody.sock"));
    assertEquals(2, nobody.code(), nobody.text());
  }

  /** What is said without the notes beside it. */
  private static List<String> answer(String... arguments) {
    return said(arguments)
        .lines()
        .filter(line -> !line.startsWith("rewind: note: ") && !line.startsWith("SLF4J"))
        .toList();
  }

  private static String[] on(String where, List<String> verb) {
    return Stream.concat(Stream.of(verb.getFirst(), where), verb.stream().skip(1))
        .toArray(String[]::new);
  }

  @Test
  void everyVerbHasJsonOnARealLog() {
    String file = node.folder().resolve("json.evidence").toString();
    for (List<String> verb :
        List.of(
            List.of("verify"),
            List.of("state"),
            List.of("diff", "5", "end"),
            List.of("explain", counter),
            List.of("bisect", "--where", "exists(task)"),
            List.of("what-if"),
            List.of("stats"),
            List.of("bundle", "-o", file),
            List.of("redact", "-o", file),
            List.of("index", "--index", node.folder().resolve("jsonindex").toString()))) {
      List<String> asked = Stream.concat(verb.stream(), Stream.of("--json")).toList();
      assertFalse(json(on(log(), asked)).isEmpty(), verb::toString);
    }
    assertFalse(json("open", file, "--json").isEmpty());
    for (List<String> verb : List.of(List.of("log"), List.of("timeline", counter))) {
      List<String> asked = Stream.concat(verb.stream(), Stream.of("--json")).toList();
      for (String line : said(on(log(), asked)).lines().toList()) {
        if (!line.startsWith("rewind: note: ")) {
          assertTrue(JsonParser.parseString(line).isJsonObject(), line);
        }
      }
    }
  }

  /** script(1) gives it a terminal. */
  @Test
  void coloursAreOnATerminalOnly() {
    String verify = Node.DIST.resolve("bin/rewind") + " verify " + log();
    String shown = Host.run(30, List.of("script", "-qec", verify, "/dev/null")).expectSuccess();
    assertTrue(shown.contains("\033[32mwhole"), shown);
    String plain =
        Host.run(30, List.of("script", "-qec", "NO_COLOR=1 " + verify, "/dev/null"))
            .expectSuccess();
    assertFalse(plain.contains("\033["), plain);
    assertFalse(said("verify", log()).contains("\033["));
  }

  @Test
  void aMomentIsThatOfThenAlsoOnAPage() throws IOException {
    String line =
        said("log", log(), "--from", "" + beforeTheKill, "--to", "" + beforeTheKill, "--json");
    String time = JsonParser.parseString(line).getAsJsonObject().get("time").getAsString();
    String bySequence = said("state", log(), "--at", Long.toString(beforeTheKill), "--json");
    String byTime = said("state", log(), "--at", time, "--json");
    assertEquals(
        JsonParser.parseString(bySequence).getAsJsonObject().getAsJsonArray("task"),
        JsonParser.parseString(byTime).getAsJsonObject().getAsJsonArray("task"));
    Path page = node.folder().resolve("part.html");
    said("export", log(), "--format", "html", "--from", time, "-o", page.toString());
    says(Files.readString(page), "\"all\":false", "\"knowsBefore\":true", "\"bad\":\"\"");
  }

  @Test
  void anIndexLeadsToTheSameLife() {
    String index = node.folder().resolve("index").toString();
    said("index", log(), "--index", index);
    String found = said("timeline", log(), counter, "--index", index);
    says(found, said("timeline", log(), counter, "--no-index"));
  }

  @Test
  void itWritesNothingAndWorksOnAReadOnlyMount() throws IOException {
    Path copy = node.folder().resolve("copy");
    Host.run(30, List.of("cp", "-a", node.root().toString(), copy.toString())).expectSuccess();
    Map<String, String> before = listing(copy);
    Host.run(10, List.of("mount", "--bind", copy.toString(), copy.toString())).expectSuccess();
    try {
      Host.run(10, List.of("mount", "-o", "remount,ro,bind", copy.toString())).expectSuccess();
      for (List<String> verb :
          List.of(
              List.of("verify", "--projection"),
              List.of("log"),
              List.of("state"),
              List.of("diff", "5", "end"),
              List.of("timeline", counter),
              List.of("explain", counter),
              List.of("bisect", "--where", "exists(task)"),
              List.of("what-if"),
              List.of("stats"),
              List.of("state", "--at", "1s"),
              List.of("index", "--index", node.folder() + "/roindex"),
              List.of("redact", "-o", node.folder() + "/ro-redacted.evidence"),
              List.of("export", "--format", "perfetto"),
              List.of("export", "--format", "html", "-o", node.folder() + "/page.html"),
              List.of("bundle", "-o", node.folder() + "/ro.evidence"))) {
        said(on(copy.toString(), verb));
      }
    } finally {
      Host.run(10, List.of("umount", copy.toString())).expectSuccess();
    }
    assertEquals(before, listing(copy));
  }

  private static Map<String, String> listing(Path folder) throws IOException {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.toList()) {
        String content =
            Files.isRegularFile(file)
                ? Integer.toHexString(Arrays.hashCode(Files.readAllBytes(file)))
                : "";
        all.put(file.toString(), Files.getAttribute(file, "unix:ctime") + " " + content);
      }
    }
    return all;
  }
}

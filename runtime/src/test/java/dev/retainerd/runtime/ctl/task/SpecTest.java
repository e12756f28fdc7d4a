package dev.retainerd.runtime.ctl.task;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** What flags make of an image's config. */
class SpecTest {
  private static final String CONFIG =
      """
      {"config": {"Entrypoint": ["/entry"], "Cmd": ["a", "b"], "Env": ["PATH=/bin", "X=1"],
        "WorkingDir": "/work", "User": "5:6"}}
      """;

  @Command
  private static final class Line {
    @Mixin SpecFlags flags = new SpecFlags();
  }

  private static SpecFlags flags(String line) {
    Line parsed = new Line();
    new CommandLine(parsed).parseArgs(line.isBlank() ? new String[0] : line.trim().split(" "));
    return parsed.flags;
  }

  private static JsonObject spec(String line, String... command) {
    try {
      return Spec.of(
          flags(line),
          "ns",
          "web",
          Optional.of(JsonParser.parseString(CONFIG).getAsJsonObject()),
          List.of(command),
          "rootfs");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> strings(JsonObject in, String name) {
    return StreamSupport.stream(in.getAsJsonArray(name).spliterator(), false)
        .map(JsonElement::getAsString)
        .toList();
  }

  @Test
  void theImageSaysWhatToRun() {
    JsonObject process = spec("").getAsJsonObject("process");
    assertEquals(List.of("/entry", "a", "b"), strings(process, "args"));
    assertEquals(List.of("PATH=/bin", "X=1"), strings(process, "env"));
    assertEquals("/work", process.get("cwd").getAsString());
    assertEquals(5, process.getAsJsonObject("user").get("uid").getAsInt());
    assertEquals(6, process.getAsJsonObject("user").get("gid").getAsInt());
    assertTrue(process.get("noNewPrivileges").getAsBoolean());
  }

  @Test
  void theOperatorHasTheLastWord() {
    JsonObject process =
        spec("--env X=2 --env Y=3 --env PATH --cwd /else --user 7 -t", "sh", "-c", "ls")
            .getAsJsonObject("process");
    assertEquals(List.of("/entry", "sh", "-c", "ls"), strings(process, "args"));
    assertEquals(List.of("X=2", "TERM=xterm", "Y=3"), strings(process, "env"));
    assertEquals("/else", process.get("cwd").getAsString());
    assertEquals(7, process.getAsJsonObject("user").get("uid").getAsInt());
    assertTrue(process.get("terminal").getAsBoolean());
  }

  @Test
  void limitsMountsAndNamespacesAreWrittenDown() {
    JsonObject spec =
        spec(
            "--memory-limit 1048576 --cpus 1.5 --read-only --net-host"
                + " --mount type=bind,src=/tmp,dst=/host,options=rbind:ro --with-ns ipc:/x"
                + " --cap-drop CAP_KILL --annotation k=v");
    JsonObject linux = spec.getAsJsonObject("linux");
    JsonObject resources = linux.getAsJsonObject("resources");
    assertEquals(1048576, resources.getAsJsonObject("memory").get("limit").getAsLong());
    assertEquals(150_000, resources.getAsJsonObject("cpu").get("quota").getAsLong());
    assertTrue(spec.getAsJsonObject("root").get("readonly").getAsBoolean());
    assertFalse(linux.getAsJsonArray("namespaces").toString().contains("network"));
    assertTrue(linux.getAsJsonArray("namespaces").toString().contains("\"path\":\"/x\""));
    assertTrue(spec.getAsJsonArray("mounts").toString().contains("\"destination\":\"/host\""));
    assertFalse(spec.getAsJsonObject("process").toString().contains("CAP_KILL"));
    assertEquals("/ns/web", linux.get("cgroupsPath").getAsString());
    assertEquals("v", spec.getAsJsonObject("annotations").get("k").getAsString());
  }

  @Test
  void privilegedTakesTheBarsAway() {
    JsonObject spec = spec("--privileged");
    JsonObject linux = spec.getAsJsonObject("linux");
    assertFalse(linux.has("maskedPaths") || linux.has("readonlyPaths"));
    assertFalse(spec.getAsJsonObject("process").get("noNewPrivileges").getAsBoolean());
    assertTrue(linux.getAsJsonArray("devices").toString().contains("/dev/null"));
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    for (String bad :
        List.of(
            "--user nobody",
            "--mount dst",
            "--mount src=/x",
            "--with-ns net",
            "--with-ns moon:/x",
            "--cap-add CAP_FLY")) {
      assertThrows(CommandFailure.class, () -> spec(bad), bad);
    }
  }
}

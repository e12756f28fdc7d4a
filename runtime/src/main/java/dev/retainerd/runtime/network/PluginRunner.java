package dev.retainerd.runtime.network;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Executes one plugin once: finds the binary, waits for its turn, gives it the configuration, and
 * turns whatever it does wrong into one sentence. Thread-safe.
 */
final class PluginRunner {
  private static final int LONGEST_EXCERPT = 200;

  private final NetworkSettings settings;
  private final Semaphore turns;

  PluginRunner(NetworkSettings settings) {
    this.settings = settings;
    this.turns = new Semaphore(settings.concurrentPlugins(), true);
  }

  /**
   * One call.
   *
   * @param verb ADD, DEL, CHECK, STATUS or GC
   * @param subject what it is done for, for messages: "pod X" or "the node"
   * @param environment the CNI_ variables but CNI_COMMAND and CNI_PATH
   * @return standard output
   */
  byte[] run(
      String verb,
      String network,
      JsonObject config,
      String subject,
      Map<String, String> environment)
      throws PluginFailedException {
    String what =
        "plugin \""
            + NetworkList.type(config)
            + "\" of network \""
            + network
            + "\" ("
            + verb
            + " for "
            + subject
            + ")";
    Path binary = find(NetworkList.type(config), what);
    Map<String, String> all = new HashMap<>(environment);
    all.put("CNI_COMMAND", verb);
    all.put("CNI_PATH", folders(":"));
    byte[] input = config.toString().getBytes(StandardCharsets.UTF_8);
    ChildProcess.Ended ended = execute(binary, all, input, what);
    if (ended.exitCode() != 0) {
      throw failure(what, ended);
    }
    if (ended.truncated()) {
      throw new PluginFailedException(
          Refusal.Code.INTERNAL, what + " printed more than 4 MiB; it is not a CNI plugin");
    }
    return ended.output();
  }

  private ChildProcess.Ended execute(
      Path binary, Map<String, String> environment, byte[] input, String what)
      throws PluginFailedException {
    boolean mine = false;
    try {
      mine = turns.tryAcquire(settings.pluginDeadline().toMillis(), TimeUnit.MILLISECONDS);
      if (!mine) {
        throw new PluginFailedException(
            Refusal.Code.DEADLINE_EXCEEDED,
            what
                + " got no turn within "
                + settings.pluginDeadline().toMillis()
                + " ms: "
                + settings.concurrentPlugins()
                + " other plugin calls were busy");
      }
      return ChildProcess.run(
          List.of(binary.toString()), environment, input, settings.pluginDeadline());
    } catch (ChildProcess.OverdueException e) {
      throw new PluginFailedException(
          Refusal.Code.DEADLINE_EXCEEDED, what + " " + e.getMessage(), 0, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PluginFailedException(
          Refusal.Code.CANCELLED, what + " was killed: the request was cancelled", 0, e);
    } catch (IOException e) {
      throw new PluginFailedException(
          Refusal.Code.INTERNAL, what + " could not be started: " + e.getMessage(), 0, e);
    } finally {
      if (mine) {
        turns.release();
      }
    }
  }

  private Path find(String type, String what) throws PluginFailedException {
    for (Path folder : settings.binFolders()) {
      Path binary = folder.resolve(type);
      if (Files.isExecutable(binary) && Files.isRegularFile(binary)) {
        return binary;
      }
    }
    throw new PluginFailedException(
        Refusal.Code.FAILED_PRECONDITION,
        what + " is not installed: no executable of that name in " + folders(", "));
  }

  private String folders(String separator) {
    return settings.binFolders().stream()
        .map(Path::toString)
        .collect(Collectors.joining(separator));
  }

  /** A plugin says why it failed as a JSON object on standard output; not all of them do. */
  private static PluginFailedException failure(String what, ChildProcess.Ended ended) {
    Optional<JsonObject> error = parse(ended.output());
    if (error.flatMap(e -> Json.text(e, "msg")).isPresent()) {
      JsonObject object = error.get();
      int code = Json.number(object, "code", 0);
      String details = Json.text(object, "details").filter(d -> !d.isBlank()).orElse("");
      return new PluginFailedException(
          code == PluginFailedException.TRY_AGAIN
              ? Refusal.Code.UNAVAILABLE
              : Refusal.Code.INTERNAL,
          what
              + " failed: "
              + object.get("msg").getAsString().strip()
              + (details.isEmpty() ? "" : "; " + details.strip())
              + " (code "
              + (object.get("code") instanceof JsonPrimitive given ? given : "none")
              + ")",
          code,
          null);
    }
    return new PluginFailedException(
        Refusal.Code.INTERNAL,
        what
            + " exited with "
            + ended.exitCode()
            + " without saying why in CNI's form"
            + quoted("; standard output", ended.output())
            + quoted("; standard error", ended.error().getBytes(StandardCharsets.UTF_8)));
  }

  private static Optional<JsonObject> parse(byte[] output) {
    try {
      return Optional.of(Json.object(output));
    } catch (JsonParseException e) {
      return Optional.empty();
    }
  }

  private static String quoted(String what, byte[] bytes) {
    String text = excerpt(bytes);
    return text.isEmpty() ? "" : what + ": " + text;
  }

  /** The first characters of something that should not be there, fit to be printed. */
  static String excerpt(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8).strip();
    StringBuilder clean = new StringBuilder();
    text.codePoints()
        .limit(LONGEST_EXCERPT)
        .map(c -> Character.isISOControl(c) ? ' ' : c)
        .forEach(clean::appendCodePoint);
    return clean + (text.length() > LONGEST_EXCERPT ? "..." : "");
  }
}

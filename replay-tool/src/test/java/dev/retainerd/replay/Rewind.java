package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Runs rewind in this process and keeps what it says. */
final class Rewind {

  /** What a run gave. */
  record Answer(int code, String text, String errors) {
    JsonObject json() {
      return JsonParser.parseString(text).getAsJsonObject();
    }

    Answer expect(int wanted) {
      assertTrue(code == wanted, () -> "code " + code + "\n" + text + errors);
      return this;
    }

    Answer contains(String... parts) {
      for (String part : parts) {
        assertTrue(text.contains(part), () -> "\"" + part + "\" is not in:\n" + text + errors);
      }
      return this;
    }
  }

  private Rewind() {}

  static Answer run(Object... arguments) {
    PrintStream before = System.err;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    try {
      String[] words = Stream.of(arguments).map(Object::toString).toArray(String[]::new);
      int code = RewindMain.run(new PrintStream(out, true, StandardCharsets.UTF_8), words);
      return new Answer(
          code, out.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
    } finally {
      System.setErr(before);
    }
  }

  /**
   * Every file below a folder with its size, time and content's hash: what a write would change.
   */
  static Map<String, String> listing(Path folder) {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.toList()) {
        FileTime changed = (FileTime) Files.getAttribute(file, "unix:ctime");
        String content =
            Files.isRegularFile(file)
                ? Integer.toHexString(java.util.Arrays.hashCode(Files.readAllBytes(file)))
                : "";
        all.put(folder.relativize(file).toString(), changed + " " + content);
      }
      return all;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

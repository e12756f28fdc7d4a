package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The OCI spec an operator wants every container of a runtime handler to begin with
 * (base_runtime_spec).
 */
public final class BaseSpec {
  private static final int LARGEST_BYTES = 4 << 20;

  private BaseSpec() {}

  /**
   * Reads a spec; to be called once at start and kept, so that a change of the file does not reach
   * half of a pod.
   *
   * @throws Refusal FAILED_PRECONDITION where it is no readable JSON object
   */
  public static JsonObject read(Path file) {
    try {
      if (Files.size(file) > LARGEST_BYTES) {
        throw Refusal.failedPrecondition(
            "base_runtime_spec %s has more than %d bytes".formatted(file, LARGEST_BYTES));
      }
      return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    } catch (IOException e) {
      throw Refusal.failedPrecondition(
              "base_runtime_spec " + file + " cannot be read; create it, or unset the key")
          .because(e);
    } catch (JsonParseException | IllegalStateException e) {
      throw Refusal.failedPrecondition(
              "base_runtime_spec " + file + " is no JSON object; runc spec prints one")
          .because(e);
    }
  }
}

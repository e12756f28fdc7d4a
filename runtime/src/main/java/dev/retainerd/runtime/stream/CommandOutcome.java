package dev.retainerd.runtime.stream;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/**
 * How a command ended, as the error stream tells the client: since v4 a Kubernetes Status object,
 * before that a sentence, or nothing if all went well.
 */
sealed interface CommandOutcome {

  /** Ran to its end with this code. */
  record Exited(int code) implements CommandOutcome {}

  /** Could not be run. */
  record Failed(String sentence) implements CommandOutcome {}

  /** Text for the error stream. */
  default String text(boolean asStatus) {
    return switch (this) {
      case Exited exited when exited.code == 0 -> asStatus ? success() : "";
      case Exited exited -> {
        String message = "command terminated with non-zero exit code: exit status " + exited.code;
        yield asStatus ? exitStatus(exited.code, message) : message;
      }
      case Failed failed -> asStatus ? internalError(failed.sentence) : failed.sentence;
    };
  }

  private static String success() {
    JsonObject status = new JsonObject();
    status.add("metadata", new JsonObject());
    status.addProperty("status", "Success");
    return status.toString();
  }

  private static JsonObject failure(
      String reason, String message, String causeReason, String cause) {
    JsonObject status = new JsonObject();
    status.add("metadata", new JsonObject());
    status.addProperty("status", "Failure");
    status.addProperty("message", message);
    status.addProperty("reason", reason);
    JsonObject first = new JsonObject();
    if (!causeReason.isEmpty()) {
      first.addProperty("reason", causeReason);
    }
    first.addProperty("message", cause);
    JsonArray causes = new JsonArray();
    causes.add(first);
    JsonObject details = new JsonObject();
    details.add("causes", causes);
    status.add("details", details);
    return status;
  }

  private static String exitStatus(int code, String message) {
    return failure("NonZeroExitCode", message, "ExitCode", Integer.toString(code)).toString();
  }

  private static String internalError(String sentence) {
    JsonObject status =
        failure("InternalError", "Internal error occurred: " + sentence, "", sentence);
    status.addProperty("code", 500);
    return status.toString();
  }
}

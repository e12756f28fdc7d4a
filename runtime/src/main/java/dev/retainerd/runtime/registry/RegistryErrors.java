package dev.retainerd.runtime.registry;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLException;

/** What servers answer, as one sentence for the caller. */
final class RegistryErrors {
  private static final int MESSAGE_MAX = 200;

  private RegistryErrors() {}

  /** For an answer that is no success. */
  static Refusal of(Connection.Answer answer, String server, String what) {
    String told = told(answer.body());
    return switch (answer.status()) {
      case 401, 403 ->
          Refusal.permissionDenied(
              "registry "
                  + server
                  + " refuses "
                  + what
                  + " (status "
                  + answer.status()
                  + told
                  + "); give credentials that may read it");
      case 404 ->
          Refusal.notFound(
              "registry " + server + " does not have " + what + " (status 404" + told + ")");
      case 429 ->
          Refusal.unavailable(
              "registry "
                  + server
                  + " has had too many requests (status 429"
                  + told
                  + "); ask again later, or log in for a higher limit");
      default ->
          Refusal.unavailable(
              "registry "
                  + server
                  + " answered with status "
                  + answer.status()
                  + told
                  + " for "
                  + what
                  + "; look at its logs");
    };
  }

  /** For a connection that failed. */
  static Refusal of(IOException e, String server, String what) {
    if (e instanceof SSLException) {
      return Refusal.unavailable(
              "the connection to registry "
                  + server
                  + " is not trusted: "
                  + e.getMessage()
                  + "; name its CA in hosts.toml")
          .because(e);
    }
    if (e instanceof HttpTimeoutException) {
      return Refusal.unavailable("registry " + server + " did not answer in time for " + what)
          .because(e);
    }
    if (e instanceof ConnectException) {
      boolean unknown =
          e.getCause() instanceof UnresolvedAddressException
              || e.getCause() != null
                  && e.getCause().getCause() instanceof UnresolvedAddressException;
      return Refusal.unavailable(
              unknown
                  ? "the name of registry " + server + " cannot be resolved; check it, or the DNS"
                  : "registry " + server + " cannot be reached: the connection is refused")
          .because(e);
    }
    return Refusal.unavailable(
            "the connection to registry "
                + server
                + " broke while fetching "
                + what
                + ": "
                + e.getMessage())
        .because(e);
  }

  /** The registry's own words, if it has the protocol's form; registries also answer with HTML. */
  private static String told(byte[] body) {
    try {
      JsonElement json = JsonParser.parseString(new String(body, StandardCharsets.UTF_8));
      if (json.isJsonObject()) {
        JsonArray errors = ((JsonObject) json).getAsJsonArray("errors");
        if (errors != null && !errors.isEmpty()) {
          JsonObject first = errors.get(0).getAsJsonObject();
          String message = first.has("message") ? first.get("message").getAsString() : "";
          String code = first.has("code") ? first.get("code").getAsString() : "";
          String text = message.isEmpty() ? code : message;
          return ", \"" + text.substring(0, Math.min(text.length(), MESSAGE_MAX)) + "\"";
        }
      }
    } catch (JsonParseException
        | IllegalStateException
        | ClassCastException
        | UnsupportedOperationException e) {
      return "";
    }
    return "";
  }
}

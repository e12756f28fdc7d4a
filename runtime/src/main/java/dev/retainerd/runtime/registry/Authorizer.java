package dev.retainerd.runtime.registry;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * Finds out what to send as {@code Authorization} to one server. What was found is kept for the
 * pull's other requests. Thread-safe. Source: the distribution project's token authentication.
 */
final class Authorizer {
  private static final Duration TOKEN_PATIENCE = Duration.ofSeconds(30);
  private static final int TOKEN_BYTES_MAX = 1 << 20;

  private final HttpClient client;
  private final Credentials credentials;
  private volatile Optional<String> header;

  Authorizer(HttpClient client, Credentials credentials) {
    this.client = client;
    this.credentials = credentials;
    this.header =
        credentials.registryToken().isEmpty()
            ? Optional.empty()
            : Optional.of("Bearer " + credentials.registryToken());
  }

  Optional<String> header() {
    return header;
  }

  /**
   * Answers a challenge.
   *
   * @param rejected the header the server refused; where another thread found a better one
   *     meanwhile, that is used
   * @return false where there is nothing better to send
   */
  synchronized boolean answer(Challenge challenge, Optional<String> rejected, String defaultScope)
      throws IOException {
    if (!header.equals(rejected)) {
      return true;
    }
    if (challenge.scheme().equals("basic")) {
      if (!credentials.isBasic() || rejected.isPresent()) {
        return false;
      }
      header = Optional.of(credentials.basicHeader());
      return true;
    }
    String token = "Bearer " + token(challenge, defaultScope);
    if (rejected.isPresent() && rejected.get().equals(token)) {
      return false;
    }
    header = Optional.of(token);
    return true;
  }

  private String token(Challenge challenge, String defaultScope) throws IOException {
    String realm = challenge.parameters().get("realm");
    String service = challenge.parameters().getOrDefault("service", "");
    String scope = challenge.parameters().getOrDefault("scope", defaultScope);
    HttpRequest request =
        credentials.identityToken().isEmpty()
            ? byGet(realm, service, scope)
            : byPost(realm, service, scope);
    HttpResponse<byte[]> response;
    try {
      response = client.send(request, info -> new LimitedBody(TOKEN_BYTES_MAX));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("the pull was interrupted while it waited for a token");
    }
    if (response.statusCode() == 401 || response.statusCode() == 403) {
      throw Refusal.permissionDenied(
          "the token server "
              + authority(realm)
              + " refuses the credentials (status "
              + response.statusCode()
              + "); give others");
    }
    if (response.statusCode() != 200) {
      throw Refusal.unavailable(
          "the token server "
              + authority(realm)
              + " answered with status "
              + response.statusCode());
    }
    return parse(response.body(), realm);
  }

  private static String parse(byte[] body, String realm) {
    try {
      JsonElement json = JsonParser.parseString(new String(body, StandardCharsets.UTF_8));
      JsonObject answer = json.getAsJsonObject();
      for (String name : new String[] {"token", "access_token"}) {
        if (answer.has(name) && !answer.get(name).getAsString().isEmpty()) {
          return answer.get(name).getAsString();
        }
      }
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw Refusal.unavailable("the token server " + authority(realm) + " sent no JSON")
          .because(e);
    }
    throw Refusal.unavailable("the token server " + authority(realm) + " sent no token");
  }

  private HttpRequest byGet(String realm, String service, String scope) {
    StringBuilder uri = new StringBuilder(realm).append(realm.indexOf('?') < 0 ? '?' : '&');
    uri.append("service=").append(encoded(service));
    if (!scope.isEmpty()) {
      uri.append("&scope=").append(encoded(scope));
    }
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address(uri.toString())).timeout(TOKEN_PATIENCE);
    if (credentials.isBasic()) {
      request.header("Authorization", credentials.basicHeader());
    }
    return request.build();
  }

  private HttpRequest byPost(String realm, String service, String scope) {
    String form =
        "grant_type=refresh_token&client_id=retainerd&service="
            + encoded(service)
            + "&scope="
            + encoded(scope)
            + "&refresh_token="
            + encoded(credentials.identityToken());
    return HttpRequest.newBuilder(address(realm))
        .timeout(TOKEN_PATIENCE)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .POST(HttpRequest.BodyPublishers.ofString(form))
        .build();
  }

  private static URI address(String text) {
    try {
      URI uri = URI.create(text);
      if (uri.getHost() != null
          && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw Refusal.unavailable(
        "the registry names \"" + text + "\" as its token server, which is none");
  }

  private static String authority(String realm) {
    return String.valueOf(address(realm).getAuthority());
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}

package dev.retainerd.runtime.registry;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * How to show a registry who asks. Immutable. Never printed: {@link #toString} hides it.
 *
 * @param username "" for none
 * @param password "" for none
 * @param identityToken a refresh token for the token server; "" for none
 * @param registryToken a bearer token for the registry itself; "" for none
 */
public record Credentials(
    String username, String password, String identityToken, String registryToken) {
  /** Nobody in particular. */
  public static final Credentials ANONYMOUS = new Credentials("", "", "", "");

  public static Credentials basic(String username, String password) {
    return new Credentials(username, password, "", "");
  }

  boolean isBasic() {
    return !username.isEmpty();
  }

  String basicHeader() {
    String pair = username + ":" + password;
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return equals(ANONYMOUS) ? "anonymous" : "credentials of " + username;
  }
}

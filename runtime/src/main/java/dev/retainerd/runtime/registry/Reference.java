package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.error.Refusal;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The name of an image in a registry. Immutable. Grammar: the distribution project's references.
 *
 * @param host registry, with its port if it has one
 * @param repository path below it
 * @param tag "" for none
 * @param digest {@code sha256:HEX}; "" for none
 */
public record Reference(String host, String repository, String tag, String digest) {
  private static final String DEFAULT_HOST = "docker.io";
  private static final int REPOSITORY_MAX = 255;
  private static final Pattern HOST =
      Pattern.compile(
          "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
              + "(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]{1,5})?"
              + "|\\[[0-9a-fA-F:]+\\](?::[0-9]{1,5})?");
  private static final Pattern PART = Pattern.compile("[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*");
  private static final Pattern TAG = Pattern.compile("\\w[\\w.-]{0,127}");
  private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

  /**
   * Reads a name as people write it to Docker, and as CRI means it: {@code busybox} is {@code
   * docker.io/library/busybox:latest}; where there are a tag and a digest, the digest counts.
   *
   * @throws Refusal invalid argument, where it is none
   */
  public static Reference normalized(String text) {
    int slash = text.indexOf('/');
    String first = slash < 0 ? "" : text.substring(0, slash);
    boolean hasHost =
        first.indexOf('.') >= 0
            || first.indexOf(':') >= 0
            || first.equals("localhost")
            || !first.equals(first.toLowerCase(Locale.ROOT));
    String host = hasHost ? first : DEFAULT_HOST;
    String rest = hasHost ? text.substring(slash + 1) : text;
    if (host.equals("index.docker.io")) {
      host = DEFAULT_HOST;
    }
    if (host.equals(DEFAULT_HOST) && rest.indexOf('/') < 0) {
      rest = "library/" + rest;
    }
    Reference reference = parse(text, host, rest);
    if (!reference.digest.isEmpty()) {
      return new Reference(reference.host, reference.repository, "", reference.digest);
    }
    return reference.tag.isEmpty()
        ? new Reference(reference.host, reference.repository, "latest", "")
        : reference;
  }

  /**
   * Reads a name as it stands, host and all, without any defaults: what ctr takes.
   *
   * @throws Refusal invalid argument, where it is none
   */
  public static Reference exact(String text) {
    int slash = text.indexOf('/');
    if (slash <= 0) {
      throw refused(text, "it must begin with a registry, such as docker.io/library/");
    }
    return parse(text, text.substring(0, slash), text.substring(slash + 1));
  }

  private static Reference parse(String text, String host, String rest) {
    String digest = "";
    String named = rest;
    int at = named.indexOf('@');
    if (at >= 0) {
      digest = named.substring(at + 1);
      named = named.substring(0, at);
      if (!DIGEST.matcher(digest).matches()) {
        throw refused(text, "behind the @ must stand sha256: and 64 lower-case hexadecimal digits");
      }
    }
    String tag = "";
    int colon = named.indexOf(':');
    if (colon >= 0) {
      tag = named.substring(colon + 1);
      named = named.substring(0, colon);
      if (!TAG.matcher(tag).matches()) {
        throw refused(text, "its tag may have letters, digits, _, . and -, at most 128 of them");
      }
    }
    if (!HOST.matcher(host).matches()) {
      throw refused(text, "its registry \"" + host + "\" is no host name");
    }
    if (named.isEmpty() || named.length() > REPOSITORY_MAX) {
      throw refused(text, "its repository must have 1 to " + REPOSITORY_MAX + " characters");
    }
    for (String part : named.split("/", -1)) {
      if (!PART.matcher(part).matches()) {
        throw refused(
            text, "its repository may have lower-case letters, digits, and ., _, - between them");
      }
    }
    return new Reference(host, named, tag, digest);
  }

  private static Refusal refused(String text, String why) {
    String shown = text.length() > 200 ? text.substring(0, 200) + "..." : text;
    return Refusal.invalidArgument("\"" + shown + "\" is no image reference: " + why);
  }

  /** Registry and repository, without tag and digest. */
  public String name() {
    return host + "/" + repository;
  }

  /** What to ask the registry for: the digest, else the tag, else "latest". */
  public String wanted() {
    if (!digest.isEmpty()) {
      return digest;
    }
    return tag.isEmpty() ? "latest" : tag;
  }

  @Override
  public String toString() {
    return name() + (tag.isEmpty() ? "" : ":" + tag) + (digest.isEmpty() ? "" : "@" + digest);
  }
}

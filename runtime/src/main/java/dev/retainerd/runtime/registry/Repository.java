package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One repository of a registry, to fetch from: each request goes to the configured mirrors in
 * order, then to the registry itself. Thread-safe; for one pull, since it keeps its tokens.
 *
 * <p>Every method blocks and may be interrupted. What a registry refuses becomes a {@link Refusal}:
 * permission denied (401, 403), not found (404), unavailable (everything that may pass: 429 after
 * its Retry-After was obeyed, 5xx after some tries, broken connections).
 */
public final class Repository {
  private static final String ACCEPTED =
      String.join(
          ", ",
          "application/vnd.oci.image.index.v1+json",
          "application/vnd.oci.image.manifest.v1+json",
          "application/vnd.docker.distribution.manifest.list.v2+json",
          "application/vnd.docker.distribution.manifest.v2+json",
          "*/*");
  private static final int MANIFEST_BYTES_MAX = 4 << 20;
  private static final int BLOB_TRIES_MAX = 30;
  private static final int FRUITLESS_TRIES_MAX = 3;

  /**
   * A manifest or index.
   *
   * @param digest of the bytes, computed here
   */
  public record Manifest(String mediaType, String digest, byte[] bytes) {}

  private final Reference reference;
  private final List<Connection> connections;

  private Repository(Reference reference, List<Connection> connections) {
    this.reference = reference;
    this.connections = connections;
  }

  /**
   * Prepares to fetch; nothing is sent yet.
   *
   * @param stallPatience a server that sends nothing for so long is given up
   */
  public static Repository open(
      RegistryClients clients,
      RegistryHosts hosts,
      Reference reference,
      Credentials credentials,
      Duration stallPatience) {
    List<Connection> connections = new ArrayList<>();
    for (RegistryHost host : hosts.forRegistry(reference.host())) {
      HttpClient client = clients.forHost(host);
      connections.add(
          new Connection(
              client, host, reference.host(), reference.repository(), credentials, stallPatience));
    }
    return new Repository(reference, connections);
  }

  /** What the reference points at now. */
  public Manifest resolve() {
    RegistryHost.Capability needed =
        reference.digest().isEmpty()
            ? RegistryHost.Capability.RESOLVE
            : RegistryHost.Capability.PULL;
    return manifest(reference.wanted(), needed);
  }

  /** The manifest of that digest. */
  public Manifest manifest(String digest) {
    return manifest(digest, RegistryHost.Capability.PULL);
  }

  private Manifest manifest(String wanted, RegistryHost.Capability needed) {
    String what = "manifest " + wanted + " of " + reference.repository();
    return asking(
        needed,
        what,
        connection -> {
          Connection.Answer answer =
              connection.get(
                  "/manifests/" + wanted,
                  Map.of("Accept", ACCEPTED),
                  (status, headers) -> new LimitedBody(MANIFEST_BYTES_MAX));
          return checked(answer, connection, wanted, what);
        });
  }

  private static Manifest checked(
      Connection.Answer answer, Connection connection, String wanted, String what) {
    String server = connection.host().authority();
    if (!answer.ok()) {
      throw RegistryErrors.of(answer, server, what);
    }
    if (answer.body().length > MANIFEST_BYTES_MAX) {
      throw Refusal.failedPrecondition(
          "registry " + server + " sends more than " + MANIFEST_BYTES_MAX + " bytes for " + what);
    }
    String type = answer.headers().firstValue("content-type").orElse("");
    int semicolon = type.indexOf(';');
    String mediaType =
        (semicolon < 0 ? type : type.substring(0, semicolon)).trim().toLowerCase(Locale.ROOT);
    if (mediaType.equals("text/html")) {
      throw Refusal.unavailable(
          server
              + " answered with a web page for "
              + what
              + "; it is no registry, or a proxy stands"
              + " before it");
    }
    String digest = sha256(answer.body());
    if (wanted.startsWith("sha256:") && !wanted.equals(digest)) {
      throw Refusal.failedPrecondition(
          "registry "
              + server
              + " sent "
              + digest
              + " for "
              + what
              + "; the digests differ, so it"
              + " is not taken");
    }
    return new Manifest(mediaType, digest, answer.body());
  }

  /**
   * Fetches a blob into the sink, from the sink's offset on; goes on where a connection broke. The
   * caller verifies the digest.
   *
   * @param size bytes of the blob; a server that sends more is refused
   */
  public void blob(String digest, long size, BlobSink sink) {
    String what = "blob " + digest + " of " + reference.repository();
    asking(
        RegistryHost.Capability.PULL,
        what,
        connection -> {
          fetch(connection, digest, size, sink, what);
          return true;
        });
  }

  private static void fetch(
      Connection connection, String digest, long size, BlobSink sink, String what)
      throws IOException {
    int fruitless = 0;
    for (int attempt = 1; ; attempt++) {
      long before = sink.offset();
      IOException broken;
      try {
        part(connection, digest, size, sink, what);
        if (sink.offset() >= size) {
          return;
        }
        broken = new IOException("it ended after " + sink.offset() + " of " + size + " bytes");
      } catch (BlobBody.EndlessBodyException e) {
        throw Refusal.failedPrecondition(
                "registry "
                    + connection.host().authority()
                    + " sends "
                    + e.getMessage()
                    + " for "
                    + what)
            .because(e);
      } catch (IOException e) {
        broken = e;
      }
      fruitless = sink.offset() > before ? 0 : fruitless + 1;
      if (fruitless == FRUITLESS_TRIES_MAX || attempt == BLOB_TRIES_MAX) {
        throw broken;
      }
      Connection.sleep(Duration.ofMillis(100L << Math.min(fruitless, 4)));
    }
  }

  private static void part(
      Connection connection, String digest, long size, BlobSink sink, String what)
      throws IOException {
    long from = sink.offset();
    if (from >= size && size > 0) {
      return;
    }
    Map<String, String> headers =
        from > 0
            ? Map.of("Range", "bytes=" + from + "-", "Accept-Encoding", "identity")
            : Map.of("Accept-Encoding", "identity");
    Connection.Answer answer =
        connection.get("/blobs/" + digest, headers, new IntoSink(sink, size));
    if (answer.status() == 416) {
      sink.restart();
      throw new IOException("the range from byte " + from + " was refused");
    }
    if (!answer.ok()) {
      throw RegistryErrors.of(answer, connection.host().authority(), what);
    }
  }

  /** Sends the body on to the sink, from its start where the server ignored the range. */
  private static final class IntoSink implements Connection.Body {
    private final BlobSink sink;
    private final long size;
    private volatile Optional<BlobBody> body = Optional.empty();

    IntoSink(BlobSink sink, long size) {
      this.sink = sink;
      this.size = size;
    }

    @Override
    public HttpResponse.BodySubscriber<byte[]> subscribe(int status, HttpHeaders headers) {
      if (status == 200 && sink.offset() > 0) {
        try {
          sink.restart();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
      BlobBody begun = new BlobBody(sink, size);
      body = Optional.of(begun);
      return begun;
    }

    @Override
    public Optional<Long> lastByteNanos() {
      return body.map(BlobBody::lastByteNanos);
    }
  }

  /** What became of a blob that was to be pushed. */
  public enum Pushed {
    /** The registry had it. */
    EXISTED,
    /** The registry took it over from another of its repositories. */
    MOUNTED,
    /** Its bytes were sent. */
    SENT
  }

  /**
   * Brings a blob into the repository, unless it is there.
   *
   * @param mountFrom another repository of the same registry that has it; "" for none
   */
  public Pushed pushBlob(String digest, long size, BlobSource source, String mountFrom) {
    String what = "blob " + digest + " of " + reference.repository();
    return pushing(
        what,
        connection -> {
          Connection.Answer there =
              connection.send(
                  "HEAD", connection.address("/blobs/" + digest), Map.of(), Upload.nothing());
          if (there.ok()) {
            return Pushed.EXISTED;
          }
          String mount =
              mountFrom.isEmpty() || mountFrom.equals(reference.repository())
                  ? ""
                  : "?mount=" + encoded(digest) + "&from=" + encoded(mountFrom);
          Connection.Answer begun =
              connection.send(
                  "POST",
                  connection.address("/blobs/uploads/" + mount),
                  Map.of(),
                  Upload.nothing());
          if (begun.status() == 201) {
            return Pushed.MOUNTED;
          }
          URI to = uploadTo(begun, connection, digest, what);
          Connection.Answer done =
              connection.send(
                  "PUT",
                  to,
                  Map.of("Content-Type", "application/octet-stream"),
                  Upload.of(source, size));
          if (!done.taken()) {
            throw RegistryErrors.of(done, connection.host().authority(), what);
          }
          return Pushed.SENT;
        });
  }

  private static URI uploadTo(
      Connection.Answer begun, Connection connection, String digest, String what) {
    String server = connection.host().authority();
    if (begun.status() != 202) {
      throw RegistryErrors.of(begun, server, what);
    }
    String location =
        begun
            .headers()
            .firstValue("location")
            .orElseThrow(
                () -> Refusal.unavailable("registry " + server + " says nowhere to send " + what));
    try {
      URI uri = connection.address("/blobs/uploads/").resolve(location);
      return URI.create(
          uri + (uri.getRawQuery() == null ? "?" : "&") + "digest=" + encoded(digest));
    } catch (IllegalArgumentException e) {
      throw Refusal.unavailable(
              "registry " + server + " wants " + what + " sent to \"" + location + "\"")
          .because(e);
    }
  }

  /**
   * Puts a manifest or index, whose parts are there, under the reference's tag, or its digest.
   *
   * @param top whether it is what the reference names; else it is put under its digest
   */
  public void pushManifest(String mediaType, String digest, byte[] bytes, boolean top) {
    String name = top && !reference.tag().isEmpty() ? reference.tag() : digest;
    String what = "manifest " + name + " of " + reference.repository();
    pushing(
        what,
        connection -> {
          Connection.Answer done =
              connection.send(
                  "PUT",
                  connection.address("/manifests/" + name),
                  Map.of("Content-Type", mediaType),
                  Upload.of(bytes));
          if (!done.taken()) {
            throw RegistryErrors.of(done, connection.host().authority(), what);
          }
          return true;
        });
  }

  /** Pushes go to the first server that takes them, and to no other. */
  private <T> T pushing(String what, Question<T> question) {
    Connection connection =
        connections.stream()
            .filter(one -> one.host().capabilities().contains(RegistryHost.Capability.PUSH))
            .findFirst()
            .orElseThrow(
                () ->
                    Refusal.failedPrecondition(
                        "no server in the hosts.toml of "
                            + reference.host()
                            + " takes pushes; give one the capability \"push\""));
    try {
      return question.ask(connection);
    } catch (IOException e) {
      throw RegistryErrors.of(e, connection.host().authority(), what);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private interface Question<T> {
    T ask(Connection connection) throws IOException;
  }

  /** Asks one server after the other; the registry's own answer, the last, is what counts. */
  private <T> T asking(RegistryHost.Capability needed, String what, Question<T> question) {
    Refusal last =
        Refusal.failedPrecondition(
            "no server in the hosts.toml of " + reference.host() + " may be asked for " + what);
    for (Connection connection : connections) {
      if (!connection.host().capabilities().contains(needed)) {
        continue;
      }
      try {
        return question.ask(connection);
      } catch (IOException e) {
        last = RegistryErrors.of(e, connection.host().authority(), what);
      } catch (Refusal e) {
        if (e.is(Refusal.Code.CANCELLED) || e.is(Refusal.Code.RESOURCE_EXHAUSTED)) {
          throw e;
        }
        last = e;
      }
    }
    throw last;
  }

  private static String sha256(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return "sha256:" + HexFormat.of().formatHex(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

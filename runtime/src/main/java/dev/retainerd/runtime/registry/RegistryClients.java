package dev.retainerd.runtime.registry;

import java.net.http.HttpClient;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;

/**
 * The HTTP clients, made when first wanted and kept, since each has threads and connections of its
 * own. Thread-safe.
 */
public final class RegistryClients implements AutoCloseable {
  private static final int KEPT_MAX = 16;

  static {
    // The JDK's 16 KiB cost a third of a download's processor time in hand-overs between threads.
    if (System.getProperty("jdk.httpclient.bufsize") == null) {
      System.setProperty("jdk.httpclient.bufsize", "131072");
    }
  }

  private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(30);

  /** What makes two servers need different clients. */
  private record TlsSettings(
      List<Path> cas,
      List<RegistryHost.ClientCertificate> clients,
      Optional<Boolean> skipVerify,
      boolean loopback) {}

  private final Map<TlsSettings, HttpClient> kept = new LinkedHashMap<>();

  synchronized HttpClient forHost(RegistryHost host) {
    boolean loopback = RegistryHosts.isLoopback(host.authority());
    TlsSettings settings =
        new TlsSettings(host.cas(), host.clientCertificates(), host.skipVerify(), loopback);
    HttpClient known = kept.get(settings);
    if (known != null) {
      return known;
    }
    if (kept.size() >= KEPT_MAX) {
      kept.values().forEach(HttpClient::shutdown);
      kept.clear();
    }
    HttpClient.Builder client =
        HttpClient.newBuilder()
            // One connection for each layer: over HTTP/2 all would share one flow window.
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT_PATIENCE)
            .executor(Executors.newVirtualThreadPerTaskExecutor())
            .sslContext(LazyTls.of(() -> context(host, loopback)));
    HttpClient made = client.build();
    kept.put(settings, made);
    return made;
  }

  private static SSLContext context(RegistryHost host, boolean loopback) {
    if (host.hasTlsSettings() || loopback) {
      return Tls.context(host);
    }
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has TLS", e);
    }
  }

  @Override
  public synchronized void close() {
    kept.values().forEach(HttpClient::shutdownNow);
    kept.clear();
  }
}

package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.certificate.Authorities;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;

/** What a server's settings mean for TLS. */
final class Tls {
  private static final char[] NO_PASSWORD = new char[0];
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

  private Tls() {}

  /**
   * The context for a server.
   *
   * @throws Refusal failed precondition, where a certificate file cannot be used
   */
  static SSLContext context(RegistryHost host) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys(host), trust(host), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw Refusal.failedPrecondition(
              "the certificates for " + host.authority() + " cannot be used: " + e.getMessage())
          .because(e);
    }
  }

  private static TrustManager[] trust(RegistryHost host)
      throws IOException, GeneralSecurityException {
    boolean any =
        host.skipVerify()
            .orElseGet(() -> RegistryHosts.isLoopback(host.authority()) && host.cas().isEmpty());
    if (any) {
      return new TrustManager[] {new TrustsAnybody()};
    }
    if (host.cas().isEmpty()) {
      return null;
    }
    List<Certificate> known = new ArrayList<>(systems());
    for (Path file : host.cas()) {
      known.addAll(Authorities.read(file));
    }
    return Authorities.trusting(known);
  }

  private static List<X509Certificate> systems() throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .flatMap(manager -> Arrays.stream(((X509TrustManager) manager).getAcceptedIssuers()))
        .toList();
  }

  private static KeyManager[] keys(RegistryHost host) throws IOException, GeneralSecurityException {
    if (host.clientCertificates().isEmpty()) {
      return null;
    }
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (RegistryHost.ClientCertificate client : host.clientCertificates()) {
      Certificate[] chain = Authorities.read(client.certificate()).toArray(new Certificate[0]);
      store.setKeyEntry(client.certificate().toString(), key(client.key()), NO_PASSWORD, chain);
    }
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, NO_PASSWORD);
    return factory.getKeyManagers();
  }

  private static PrivateKey key(Path file) throws IOException, GeneralSecurityException {
    Matcher matcher = KEY.matcher(Files.readString(file, StandardCharsets.US_ASCII));
    if (!matcher.find()) {
      throw new InvalidKeySpecException(
          file + " holds no PKCS#8 key; convert it with openssl pkcs8 -topk8 -nocrypt");
    }
    byte[] der = Base64.getMimeDecoder().decode(matcher.group(1));
    InvalidKeySpecException last = null;
    for (String algorithm : List.of("RSA", "EC", "Ed25519")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
      } catch (InvalidKeySpecException e) {
        last = e;
      }
    }
    throw last;
  }

  /** For {@code skip_verify}: being an extended one, it also answers for the name. */
  private static final class TrustsAnybody extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}

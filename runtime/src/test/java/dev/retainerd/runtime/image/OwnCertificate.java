package dev.retainerd.runtime.image;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate for 127.0.0.1 that is its own authority. */
public final class OwnCertificate {
  private OwnCertificate() {}

  /**
   * Makes one in that folder, as {@code cert.pem} and {@code key.pem}, and a context for a server
   * that shows it, and takes it from clients.
   */
  public static SSLContext in(Path folder) throws Exception {
    Path store = folder.resolve("key.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    List<String> common =
        List.of("-keystore", store.toString(), "-storepass", "changeit", "-alias", "own");
    run(
        keytool,
        "-genkeypair",
        common,
        List.of("-keyalg", "EC", "-dname", "CN=own", "-ext", "san=ip:127.0.0.1"));
    run(
        keytool,
        "-exportcert",
        common,
        List.of("-rfc", "-file", folder.resolve("cert.pem").toString()));
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, "changeit".toCharArray());
    }
    Files.writeString(
        folder.resolve("key.pem"),
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder()
                .encodeToString(keys.getKey("own", "changeit".toCharArray()).getEncoded())
            + "\n-----END PRIVATE KEY-----\n");
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("own", keys.getCertificate("own"));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, "changeit".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static void run(String keytool, String verb, List<String> common, List<String> rest)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(keytool, verb));
    command.addAll(common);
    command.addAll(rest);
    Process process = new ProcessBuilder(command).inheritIO().start();
    if (process.waitFor() != 0) {
      throw new AssertionError("keytool failed");
    }
  }
}

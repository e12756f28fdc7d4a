package dev.retainerd.runtime.digest;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sha256 digests. Thread-safe; what it makes is for one thread, and can be cloned.
 *
 * <p>The daemon runs without the JVM's second compiler, to stay small, and the JDK's own sha256
 * needs that one to use the processor's instructions: without it, it is twelve times slower than a
 * native one. So what may be long is hashed natively, where the library is to be had.
 */
public final class Sha256 {
  private static final Logger LOG = LoggerFactory.getLogger(Sha256.class);

  /** Below this the JDK's is done before the library is loaded. */
  private static final long LONG_BYTES = 256 * 1024;

  /** Below this the JDK's is done before a native call has paid for its set-up. */
  private static final long SHORT_BYTES = 4 * 1024;

  private static volatile boolean loaded;

  private static final String LIBRARY = "libamazonCorrettoCryptoProvider.so";

  private Sha256() {}

  /** Loads the native library when it is first wanted: many commands never hash anything long. */
  private static final class Native {
    static final Optional<Provider> PROVIDER = load();

    static {
      loaded = true;
    }

    private static Optional<Provider> load() {
      for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
        if (!folder.isEmpty() && Files.exists(Path.of(folder, LIBRARY))) {
          // Otherwise it unpacks a copy of its own, which a kill would leave in the temp folder.
          System.setProperty("com.amazon.corretto.crypto.provider.useExternalLib", "true");
        }
      }
      try {
        Provider provider = AmazonCorrettoCryptoProvider.INSTANCE;
        MessageDigest.getInstance("SHA-256", provider);
        return Optional.of(provider);
      } catch (NoSuchAlgorithmException | RuntimeException | LinkageError e) {
        LOG.warn("no native sha256 on this machine, images are hashed slowly: {}", e.toString());
        return Optional.empty();
      }
    }
  }

  /** For bytes whose number is known. */
  public static MessageDigest forBytes(long count) {
    return count < (loaded ? SHORT_BYTES : LONG_BYTES) ? javas() : begin();
  }

  /** For bytes that may be many. */
  public static MessageDigest begin() {
    if (Native.PROVIDER.isEmpty()) {
      return javas();
    }
    try {
      return MessageDigest.getInstance("SHA-256", Native.PROVIDER.get());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("it had SHA-256 when it was loaded", e);
    }
  }

  private static MessageDigest javas() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

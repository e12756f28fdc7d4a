package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.config.StreamServerSettings;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.stream.StreamServerOptions;
import java.nio.file.Path;
import java.util.Optional;

/** The configuration of the stream server as its options. */
final class Streams {
  private Streams() {}

  /**
   * The options.
   *
   * @throws Refusal FAILED_PRECONDITION where TLS is asked for without a certificate
   */
  static StreamServerOptions options(StreamServerSettings settings) {
    Optional<StreamServerOptions.Tls> tls = Optional.empty();
    if (settings.tls()) {
      tls = Optional.of(new StreamServerOptions.Tls(certificate(settings), key(settings)));
    }
    StreamServerOptions usual = StreamServerOptions.loopback();
    return new StreamServerOptions(
        settings.address().isEmpty() ? usual.address() : settings.address(),
        settings.port(),
        settings.idleTimeout().isZero() ? usual.idleTimeout() : settings.idleTimeout(),
        usual.creationTimeout(),
        tls);
  }

  private static Path certificate(StreamServerSettings settings) {
    return settings.certificate().orElseThrow(Streams::noPair);
  }

  private static Path key(StreamServerSettings settings) {
    return settings.key().orElseThrow(Streams::noPair);
  }

  private static Refusal noPair() {
    return Refusal.failedPrecondition(
        "enable_tls_streaming needs a certificate and its key; set tls_cert_file and tls_key_file"
            + " of x509_key_pair_streaming");
  }
}

package dev.retainerd.runtime.registry;

import java.security.KeyManagementException;
import java.security.SecureRandom;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * A TLS context that is made when the first connection wants it. An HTTP client asks for one when
 * it is built, also where it will speak plain HTTP only; making one loads the half of a security
 * library, which is what a node's first pull would wait for. Thread-safe.
 */
final class LazyTls extends SSLContextSpi {
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

  private final Supplier<SSLContext> maker;
  private SSLContext made;

  private LazyTls(Supplier<SSLContext> maker) {
    this.maker = maker;
  }

  static SSLContext of(Supplier<SSLContext> maker) {
    return new Context(new LazyTls(maker));
  }

  private static final class Context extends SSLContext {
    Context(LazyTls lazy) {
      super(lazy, null, "TLS");
    }
  }

  private synchronized SSLContext made() {
    if (made == null) {
      made = maker.get();
    }
    return made;
  }

  @Override
  protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random)
      throws KeyManagementException {
    throw new KeyManagementException("this context is made with all it needs");
  }

  @Override
  protected SSLEngine engineCreateSSLEngine() {
    return made().createSSLEngine();
  }

  @Override
  protected SSLEngine engineCreateSSLEngine(String host, int port) {
    return made().createSSLEngine(host, port);
  }

  /** Without ciphers: those of the real context are used then. */
  @Override
  protected SSLParameters engineGetDefaultSSLParameters() {
    SSLParameters parameters = new SSLParameters();
    parameters.setProtocols(PROTOCOLS);
    return parameters;
  }

  @Override
  protected SSLParameters engineGetSupportedSSLParameters() {
    return made().getSupportedSSLParameters();
  }

  @Override
  protected SSLSocketFactory engineGetSocketFactory() {
    return made().getSocketFactory();
  }

  @Override
  protected SSLServerSocketFactory engineGetServerSocketFactory() {
    return made().getServerSocketFactory();
  }

  @Override
  protected SSLSessionContext engineGetServerSessionContext() {
    return made().getServerSessionContext();
  }

  @Override
  protected SSLSessionContext engineGetClientSessionContext() {
    return made().getClientSessionContext();
  }
}

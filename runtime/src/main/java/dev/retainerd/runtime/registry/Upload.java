package dev.retainerd.runtime.registry;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;

/** The body of a request that is sent, and how far it is. For one request at a time. */
final class Upload implements Connection.Body {
  private static final int ANSWER_BYTES_MAX = 1 << 20;

  /** A blob may take long; that its bytes move is watched by itself. */
  private static final Duration BLOB_PATIENCE = Duration.ofHours(4);

  private final long size;
  private final Optional<BlobSource> source;
  private final byte[] bytes;
  private volatile long lastByteNanos = System.nanoTime();

  private Upload(long size, Optional<BlobSource> source, byte[] bytes) {
    this.size = size;
    this.source = source;
    this.bytes = bytes;
  }

  static Upload nothing() {
    return new Upload(0, Optional.empty(), new byte[0]);
  }

  static Upload of(byte[] bytes) {
    return new Upload(bytes.length, Optional.empty(), bytes);
  }

  static Upload of(BlobSource source, long size) {
    return new Upload(size, Optional.of(source), new byte[0]);
  }

  HttpRequest.BodyPublisher publisher() {
    if (source.isEmpty()) {
      return bytes.length == 0
          ? HttpRequest.BodyPublishers.noBody()
          : HttpRequest.BodyPublishers.ofByteArray(bytes);
    }
    lastByteNanos = System.nanoTime();
    return HttpRequest.BodyPublishers.fromPublisher(
        HttpRequest.BodyPublishers.ofInputStream(() -> new Watched(source.get().open())), size);
  }

  Duration patience(Duration usual) {
    return source.isPresent() ? BLOB_PATIENCE : usual;
  }

  @Override
  public HttpResponse.BodySubscriber<byte[]> subscribe(int status, HttpHeaders headers) {
    return new LimitedBody(ANSWER_BYTES_MAX);
  }

  @Override
  public Optional<Long> lastByteNanos() {
    return source.isPresent() ? Optional.of(lastByteNanos) : Optional.empty();
  }

  private final class Watched extends InputStream {
    private final InputStream in;

    Watched(InputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      lastByteNanos = System.nanoTime();
      return in.read();
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      lastByteNanos = System.nanoTime();
      return in.read(into, offset, length);
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}

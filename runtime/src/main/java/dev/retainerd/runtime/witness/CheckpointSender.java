package dev.retainerd.runtime.witness;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.checkpoint.Checkpoint;
import dev.retainerd.eventlog.files.SmallFile;
import dev.retainerd.runtime.certificate.Authorities;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.Certificate;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends every checkpoint to a URL, oldest first, each to {@code URL/NODE/LAST-SEQUENCE} with PUT:
 * one that was sent twice is the same thing in the same place.
 *
 * <p>The log's own file of checkpoints is the queue, so nothing is lost in an outage however long,
 * and an outage costs no memory. A place that fails, hangs or refuses is asked again after a pause
 * that doubles up to its bound. How far it got is kept in a file, for the next start.
 */
public final class CheckpointSender implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointSender.class);
  private static final int PIECE_BYTES = 64 << 10;
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(2);

  /**
   * How patient it is.
   *
   * @param look how often it looks for new checkpoints
   * @param answer how long an answer may take
   * @param pause the first pause after a failure
   * @param longestPause where the doubling ends
   */
  public record Patience(Duration look, Duration answer, Duration pause, Duration longestPause) {
    /** What a daemon uses. */
    public static final Patience STANDARD =
        new Patience(
            Duration.ofSeconds(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(1),
            Duration.ofMinutes(5));
  }

  /**
   * How it stands.
   *
   * @param url where checkpoints go
   * @param sentSequence the last event covered by a checkpoint that was taken there; 0 for none
   * @param failure why the last try failed; "" where it did not
   */
  public record Standing(String url, long sentSequence, String failure) {}

  private final Path checkpoints;
  private final Path progress;
  private final URI url;
  private final String nodeId;
  private final Patience patience;
  private final HttpClient client;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition stopping = lock.newCondition();
  private final Thread thread;
  private long offset;
  private volatile Standing standing;
  private volatile boolean closed;

  private CheckpointSender(
      Path checkpoints,
      Path progress,
      URI url,
      Optional<Path> authority,
      String nodeId,
      Patience patience)
      throws IOException {
    this.checkpoints = checkpoints;
    this.progress = progress;
    this.url = url;
    this.nodeId = nodeId;
    this.patience = patience;
    HttpClient.Builder http =
        HttpClient.newBuilder()
            .connectTimeout(patience.answer)
            .followRedirects(HttpClient.Redirect.NEVER);
    if (authority.isPresent()) {
      http.sslContext(trusting(authority.get()));
    }
    this.client = http.build();
    Map<String, String> before = SmallFile.read(progress).orElse(Map.of());
    boolean same = url.toString().equals(before.get("url"));
    this.offset = same ? Long.parseLong(before.get("offset")) : 0;
    long sent = same ? Long.parseLong(before.get("last_sequence")) : 0;
    this.standing = new Standing(url.toString(), sent, "");
    this.thread = Thread.ofPlatform().daemon().name("checkpoint-sender").unstarted(this::run);
  }

  private static SSLContext trusting(Path authority) throws IOException {
    try {
      Collection<? extends Certificate> known = Authorities.read(authority);
      if (known.isEmpty()) {
        throw new IOException("it holds no certificate");
      }
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, Authorities.trusting(known), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new IOException(
          "the authority of checkpoint_copy, " + authority + ", cannot be used: " + e.getMessage(),
          e);
    }
  }

  /**
   * Starts it.
   *
   * @param checkpoints the log's file of checkpoints, which may come later
   * @param progress where it keeps how far it got
   * @param authority PEM file of the one authority whose certificate an https URL may show; empty
   *     for those that the JDK knows
   * @throws IOException where one of these cannot be read
   */
  public static CheckpointSender start(
      Path checkpoints,
      Path progress,
      URI url,
      Optional<Path> authority,
      String nodeId,
      Patience patience)
      throws IOException {
    CheckpointSender sender =
        new CheckpointSender(checkpoints, progress, url, authority, nodeId, patience);
    sender.thread.start();
    return sender;
  }

  /** How it stands. */
  public Standing standing() {
    return standing;
  }

  private void run() {
    Duration pause = patience.pause;
    while (!closed) {
      Optional<String> failure = sendAll();
      if (failure.isEmpty()) {
        pause = patience.pause;
        rest(patience.look);
        continue;
      }
      if (!failure.get().equals(standing.failure)) {
        LOG.warn("checkpoints wait for their second place: {}", failure.get());
      }
      standing = new Standing(standing.url, standing.sentSequence, failure.get());
      rest(pause);
      Duration doubled = pause.multipliedBy(2);
      pause = doubled.compareTo(patience.longestPause) < 0 ? doubled : patience.longestPause;
    }
  }

  private void rest(Duration time) {
    lock.lock();
    try {
      long left = time.toNanos();
      while (!closed && left > 0) {
        left = stopping.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      closed = true;
    } finally {
      lock.unlock();
    }
  }

  /** Sends what is there; returns why it stopped before the end. */
  private Optional<String> sendAll() {
    try {
      while (!closed) {
        List<Checkpoint> next = read();
        if (next.isEmpty()) {
          if (!standing.failure.isEmpty()) {
            standing = new Standing(standing.url, standing.sentSequence, "");
          }
          return Optional.empty();
        }
        for (Checkpoint one : next) {
          Optional<String> refused = send(one);
          if (refused.isPresent()) {
            return refused;
          }
          advance(one);
        }
      }
      return Optional.empty();
    } catch (IOException | EventLogException e) {
      return Optional.of(url + ": " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      closed = true;
      return Optional.empty();
    }
  }

  /** The next checkpoints of the file, as far as they are written whole. */
  private List<Checkpoint> read() throws IOException {
    if (!Files.isRegularFile(checkpoints)) {
      return List.of();
    }
    try (RandomAccessFile file = new RandomAccessFile(checkpoints.toFile(), "r")) {
      if (file.length() < offset) {
        // It was set aside and begun anew.
        offset = 0;
      }
      byte[] piece = new byte[(int) Math.min(PIECE_BYTES, file.length() - offset)];
      file.seek(offset);
      file.readFully(piece);
      return Checkpoint.parseAll(piece);
    }
  }

  /** Why it was not taken; empty where it was. */
  private Optional<String> send(Checkpoint one) throws IOException, InterruptedException {
    String base = url.toString();
    URI target =
        URI.create(
            base
                + (base.endsWith("/") ? "" : "/")
                + nodeId
                + "/"
                + String.format("%019d", one.lastSequence()));
    HttpRequest request =
        HttpRequest.newBuilder(target)
            .timeout(patience.answer)
            .header("Content-Type", "text/plain; charset=utf-8")
            .PUT(HttpRequest.BodyPublishers.ofString(one.text()))
            .build();
    HttpResponse<Void> answer = client.send(request, HttpResponse.BodyHandlers.discarding());
    int status = answer.statusCode();
    return status / 100 == 2
        ? Optional.empty()
        : Optional.of(target + " answered " + status + "; see that it takes PUT requests");
  }

  private void advance(Checkpoint sent) throws IOException {
    offset += sent.text().getBytes(StandardCharsets.UTF_8).length;
    standing = new Standing(standing.url, sent.lastSequence(), "");
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    values.put("url", url.toString());
    values.put("offset", Long.toString(offset));
    values.put("last_sequence", Long.toString(sent.lastSequence()));
    SmallFile.write(progress, values, false);
  }

  /** Ends it. What was not sent is sent after the next start. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      stopping.signalAll();
    } finally {
      lock.unlock();
    }
    client.shutdownNow();
    try {
      thread.join(TimeUnit.NANOSECONDS.toMillis(CLOSE_PATIENCE.toNanos()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

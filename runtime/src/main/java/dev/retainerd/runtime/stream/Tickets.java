package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.error.Refusal;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Requests waiting for their client, each behind a token that works once and for one minute.
 * Thread-safe; at most a thousand wait.
 */
final class Tickets {
  static final Duration LIFE = Duration.ofMinutes(1);
  static final int MOST = 1000;
  private static final int TOKEN_BYTES = 18;

  private record Ticket(StreamRequest request, long endNanos) {}

  private final SecureRandom random = new SecureRandom();
  private final LongSupplier nanos;
  // In the order of issue, which is the order of expiry.
  private final Map<String, Ticket> waiting = new LinkedHashMap<>();

  Tickets(LongSupplier nanos) {
    this.nanos = nanos;
  }

  synchronized String issue(StreamRequest request) {
    dropExpired();
    if (waiting.size() >= MOST) {
      throw Refusal.resourceExhausted(
          MOST + " exec, attach and port-forward addresses wait to be used; try again in a minute");
    }
    byte[] bytes = new byte[TOKEN_BYTES];
    random.nextBytes(bytes);
    String token = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    waiting.put(token, new Ticket(request, nanos.getAsLong() + LIFE.toNanos()));
    return token;
  }

  /** Empty if the token is unknown, used or expired. */
  synchronized Optional<StreamRequest> redeem(String verb, String token) {
    dropExpired();
    Ticket ticket = waiting.get(token);
    if (ticket == null || !ticket.request.verb().equals(verb)) {
      return Optional.empty();
    }
    waiting.remove(token);
    return Optional.of(ticket.request);
  }

  private void dropExpired() {
    long now = nanos.getAsLong();
    Iterator<Ticket> tickets = waiting.values().iterator();
    while (tickets.hasNext() && tickets.next().endNanos - now <= 0) {
      tickets.remove();
    }
  }
}

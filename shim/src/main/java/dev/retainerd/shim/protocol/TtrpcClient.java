package dev.retainerd.shim.protocol;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.retainerd.shim.wire.ttrpc.KeyValue;
import dev.retainerd.shim.wire.ttrpc.Request;
import dev.retainerd.shim.wire.ttrpc.Response;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * One connection to a ttrpc server on a unix socket.
 *
 * <p>Thread-safe: any number of calls may be under way at once, and a long one holds up no other. A
 * client does not reconnect; when the connection ends, every open call fails with {@link
 * StatusCode#UNAVAILABLE} and the callback given to {@link #connect} runs once, on the reading
 * thread.
 */
public final class TtrpcClient implements AutoCloseable {
  private final Path socket;
  private final SocketChannel channel;
  private final FrameSender sender;
  private final Runnable onClosed;
  private final AtomicInteger nextStream = new AtomicInteger(1);
  private final ConcurrentHashMap<Integer, CompletableFuture<byte[]>> open =
      new ConcurrentHashMap<>();
  private final AtomicBoolean ended = new AtomicBoolean();

  private TtrpcClient(Path socket, SocketChannel channel, Runnable onClosed) {
    this.socket = socket;
    this.channel = channel;
    this.onClosed = onClosed;
    this.sender = new FrameSender(channel, "ttrpc-send " + socket.getFileName());
  }

  /**
   * Connects. A unix socket either answers at once or is not served, so this takes no timeout.
   *
   * @param onClosed runs once when the connection ends, for whatever reason; may be called before
   *     this method returns
   * @throws IOException when nobody serves the socket
   */
  public static TtrpcClient connect(Path socket, Runnable onClosed) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      channel.close();
      throw new IOException("nobody answers at the socket " + socket + ": " + e.getMessage(), e);
    }
    TtrpcClient client = new TtrpcClient(socket, channel, onClosed);
    Thread reader = new Thread(null, client::read, "ttrpc-read " + socket.getFileName(), 192 << 10);
    reader.setDaemon(true);
    reader.start();
    return client;
  }

  public boolean isOpen() {
    return !ended.get();
  }

  /**
   * Calls a method and waits for its answer.
   *
   * @param metadata for example {@link ServiceNames#NAMESPACE_KEY}
   * @param timeout also sent along, so that the server can give up with us
   * @throws TtrpcException the server's refusal, a passed deadline, or a lost connection
   */
  public <T extends MessageLite> T call(
      String service,
      String method,
      MessageLite request,
      Map<String, String> metadata,
      Parser<T> answer,
      Duration timeout)
      throws TtrpcException {
    Call<T> call = new Call<>(service, method, request, metadata, answer, timeout);
    // Nobody takes it back: a deadline that has passed is told as such.
    return callUnless(call, timeout, () -> false).orElseThrow();
  }

  /** What is asked, and for how long; as {@link #call}. */
  record Call<T extends MessageLite>(
      String service,
      String method,
      MessageLite request,
      Map<String, String> metadata,
      Parser<T> answer,
      Duration timeout) {}

  /**
   * Calls a method and waits for its answer, but where there is none after {@code patience} and
   * {@code withdrawn}, asked once then, says that none is wanted any more.
   *
   * @return empty then
   * @throws TtrpcException as {@link #call}
   */
  <T extends MessageLite> Optional<T> callUnless(
      Call<T> call, Duration patience, BooleanSupplier withdrawn) throws TtrpcException {
    int stream = nextStream.getAndAdd(2);
    long deadline = System.nanoTime() + call.timeout().toNanos();
    CompletableFuture<byte[]> reply =
        start(
            stream, call.service(), call.method(), call.request(), call.metadata(), call.timeout());
    try {
      byte[] bytes;
      try {
        bytes = reply.get(Math.max(1, patience.toMillis()), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        if (withdrawn.getAsBoolean()) {
          return Optional.empty();
        }
        bytes = reply.get(Math.max(1, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
      }
      return Optional.of(call.answer().parseFrom(bytes));
    } catch (TimeoutException e) {
      throw new TtrpcException(
          StatusCode.DEADLINE_EXCEEDED,
          call.method()
              + " at "
              + socket
              + " did not answer within "
              + call.timeout().toMillis()
              + " ms",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TtrpcException(
          StatusCode.CANCELLED, call.method() + " at " + socket + " was given up", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TtrpcException refusal) {
        throw new TtrpcException(refusal.code(), refusal.getMessage(), refusal);
      }
      throw new TtrpcException(StatusCode.INTERNAL, call.method() + " at " + socket + " failed", e);
    } catch (InvalidProtocolBufferException e) {
      throw new TtrpcException(
          StatusCode.INTERNAL, call.method() + " at " + socket + " answered no valid message", e);
    } finally {
      open.remove(stream);
    }
  }

  /**
   * Calls a method and returns at once; the future fails with a {@link TtrpcException}. Made for
   * calls without end such as Wait.
   */
  public <T extends MessageLite> CompletableFuture<T> callAsync(
      String service,
      String method,
      MessageLite request,
      Map<String, String> metadata,
      Parser<T> answer) {
    int stream = nextStream.getAndAdd(2);
    return start(stream, service, method, request, metadata, Duration.ZERO)
        .thenCompose(
            bytes -> {
              try {
                return CompletableFuture.completedFuture(answer.parseFrom(bytes));
              } catch (InvalidProtocolBufferException e) {
                return CompletableFuture.failedFuture(
                    new TtrpcException(
                        StatusCode.INTERNAL, method + " answered no valid message", e));
              }
            });
  }

  private CompletableFuture<byte[]> start(
      int stream,
      String service,
      String method,
      MessageLite request,
      Map<String, String> metadata,
      Duration timeout) {
    Request.Builder envelope =
        Request.newBuilder()
            .setService(service)
            .setMethod(method)
            .setPayload(ByteString.copyFrom(request.toByteArray()))
            .setTimeoutNano(timeout.toNanos());
    metadata.forEach(
        (key, value) -> envelope.addMetadata(KeyValue.newBuilder().setKey(key).setValue(value)));
    CompletableFuture<byte[]> reply = new CompletableFuture<>();
    byte[] data = envelope.build().toByteArray();
    if (data.length > Frame.MAX_DATA_BYTES) {
      reply.completeExceptionally(
          new TtrpcException(
              StatusCode.RESOURCE_EXHAUSTED,
              method + " carries " + data.length + " bytes; ttrpc allows " + Frame.MAX_DATA_BYTES));
      return reply;
    }
    open.put(stream, reply);
    if (ended.get() || !sender.send(new Frame(stream, Frame.REQUEST, (byte) 0, data))) {
      open.remove(stream);
      reply.completeExceptionally(lost());
    }
    return reply;
  }

  private void read() {
    Frame.Reader frames = new Frame.Reader(channel);
    try {
      while (true) {
        Frame frame = frames.next();
        if (frame == null) {
          return;
        }
        if (frame.type() == Frame.RESPONSE) {
          answer(frame);
        }
      }
    } catch (IOException e) {
      // Whatever the reason, the connection is of no more use; open calls are told below.
    } finally {
      end();
    }
  }

  private void answer(Frame frame) {
    CompletableFuture<byte[]> reply = open.remove(frame.stream());
    if (reply == null) {
      return;
    }
    try {
      Response response = Response.parseFrom(frame.data());
      if (response.getStatus().getCode() == 0) {
        reply.complete(response.getPayload().toByteArray());
      } else {
        reply.completeExceptionally(
            new TtrpcException(
                StatusCode.of(response.getStatus().getCode()), response.getStatus().getMessage()));
      }
    } catch (InvalidProtocolBufferException e) {
      reply.completeExceptionally(
          new TtrpcException(StatusCode.INTERNAL, socket + " sent no valid ttrpc answer", e));
    }
  }

  private void end() {
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    try {
      channel.close();
    } catch (IOException e) {
      // Closed is what it is to be.
    }
    for (Integer stream : open.keySet()) {
      CompletableFuture<byte[]> reply = open.remove(stream);
      if (reply != null) {
        reply.completeExceptionally(lost());
      }
    }
    onClosed.run();
  }

  private TtrpcException lost() {
    return new TtrpcException(
        StatusCode.UNAVAILABLE, "the connection to " + socket + " is gone; connect again");
  }

  @Override
  public void close() {
    end();
  }
}

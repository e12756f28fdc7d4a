package dev.retainerd.shim.protocol;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.wire.ttrpc.Request;
import dev.retainerd.shim.wire.ttrpc.Response;
import dev.retainerd.shim.wire.ttrpc.Status;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.net.ExtendedSocketOptions;

/**
 * Serves ttrpc on a unix socket that only the owner of this process may use: the file is 0600, and
 * whoever connects is asked for by SO_PEERCRED.
 *
 * <p>Garbage, frames that are too large or cut off, and unknown streams cost the sender its answer
 * or its connection, never the server its life. The handler runs on the connection's reading thread
 * and must hand on whatever can block.
 */
public final class TtrpcServer implements AutoCloseable {
  /** What a server does with a call; it must not throw and must not block. */
  public interface Handler {
    void handle(TtrpcCall call);
  }

  private static final int MAX_CONNECTIONS = 256;

  private final Path socket;
  private final ServerSocketChannel listener;
  private final Handler handler;
  private final UserPrincipal owner;
  private final Set<FrameSender> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();

  private TtrpcServer(Path socket, ServerSocketChannel listener, Handler handler)
      throws IOException {
    this.socket = socket;
    this.listener = listener;
    this.handler = handler;
    this.owner = Files.getOwner(socket, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Binds the socket and serves it on threads of its own.
   *
   * @throws IOException when the path cannot be bound, for example because it exists
   */
  public static TtrpcServer serve(Path socket, Handler handler) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    // The file is its owner's from its first moment. Whatever else this process makes just now is,
    // too, which nobody else reads.
    int others = Posix.umask(0177);
    try {
      listener.bind(UnixDomainSocketAddress.of(socket), 64);
    } catch (IOException e) {
      listener.close();
      throw new IOException("cannot serve the socket " + socket + ": " + e.getMessage(), e);
    } finally {
      Posix.umask(others);
    }
    TtrpcServer server = new TtrpcServer(socket, listener, handler);
    Thread thread = new Thread(null, server::accept, "ttrpc-accept", 128 << 10);
    thread.start();
    return server;
  }

  private void accept() {
    while (listener.isOpen()) {
      try {
        SocketChannel channel = listener.accept();
        if (connections.size() >= MAX_CONNECTIONS || !mayConnect(channel)) {
          channel.close();
          continue;
        }
        int number = accepted.incrementAndGet();
        FrameSender sender = new FrameSender(channel, "ttrpc-send-" + number);
        connections.add(sender);
        Thread reader =
            new Thread(null, () -> serve(channel, sender), "ttrpc-read-" + number, 192 << 10);
        reader.setDaemon(true);
        reader.start();
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        // One caller's failure (out of descriptors, gone again) is not the end of the others.
        pauseBriefly();
      }
    }
  }

  private static void pauseBriefly() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean mayConnect(SocketChannel channel) throws IOException {
    UserPrincipal peer = channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user();
    return peer.equals(owner) || peer.getName().equals("root");
  }

  private void serve(SocketChannel channel, FrameSender sender) {
    Frame.Reader frames = new Frame.Reader(channel);
    try {
      while (true) {
        try {
          Frame frame = frames.next();
          if (frame == null) {
            return;
          }
          dispatch(frame, sender);
        } catch (Frame.OversizedFrame e) {
          refuse(sender, e.stream, StatusCode.RESOURCE_EXHAUSTED, e.getMessage());
        }
      }
    } catch (IOException e) {
      // The peer is gone or speaks another protocol; only this connection ends.
    } finally {
      connections.remove(sender);
      sender.finish(1);
    }
  }

  private void dispatch(Frame frame, FrameSender sender) {
    if (frame.type() != Frame.REQUEST) {
      refuse(
          sender,
          frame.stream(),
          StatusCode.INVALID_ARGUMENT,
          "only unary calls are served here: no frame of type " + frame.type());
      return;
    }
    if ((frame.stream() & 1) == 0) {
      refuse(
          sender,
          frame.stream(),
          StatusCode.INVALID_ARGUMENT,
          "stream " + frame.stream() + " is even; a client's streams are odd");
      return;
    }
    TtrpcCall call;
    try {
      call = new TtrpcCall(Request.parseFrom(frame.data()), frame.stream(), sender);
    } catch (InvalidProtocolBufferException e) {
      refuse(sender, frame.stream(), StatusCode.INVALID_ARGUMENT, "no valid ttrpc request");
      return;
    }
    try {
      handler.handle(call);
    } catch (RuntimeException e) {
      call.fail(StatusCode.INTERNAL, call.method() + " failed: " + e);
    }
  }

  private static void refuse(FrameSender sender, int stream, StatusCode code, String message) {
    Response response =
        Response.newBuilder()
            .setStatus(Status.newBuilder().setCode(code.number()).setMessage(message))
            .build();
    sender.send(new Frame(stream, Frame.RESPONSE, (byte) 0, response.toByteArray()));
  }

  /** Stops accepting, sends what is owed, closes all connections and removes the socket. */
  @Override
  public void close() {
    try {
      listener.close();
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      // What is left of the socket refuses connections; that is all closing promises.
    }
    for (FrameSender sender : connections) {
      sender.finish(500);
    }
  }
}

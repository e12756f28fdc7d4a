package dev.retainerd.shim.protocol;

import dev.retainerd.shim.posix.DescriptorSocket;
import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Keeps descriptors of shims by name while their shims come and go; the daemon runs one.
 *
 * <p>The exchange, on a unix stream socket: each message is one byte of kind, two bytes of length
 * and a name in UTF-8. {@code P} puts the descriptor that comes with it (an older one of that name
 * is closed) and is answered {@code K}; {@code D} drops all whose names begin so and is answered
 * {@code K}; {@code G} asks for all whose names begin so: they come as {@code F}, a descriptor with
 * each, and then {@code E}. Thread-safe.
 */
public final class DescriptorHolder implements AutoCloseable {
  private static final int HEADER_BYTES = 3;
  private static final int NAME_MAX_BYTES = 1024;
  private static final int HELD_MAX = 8192;
  private static final int PATIENCE_MILLIS = 10_000;
  private static final int ACCEPT_MILLIS = 5_000;

  private final Path socket;
  private final DescriptorSocket listener;
  private final Map<String, Integer> held = new HashMap<>();
  private volatile boolean closed;

  private DescriptorHolder(Path socket, DescriptorSocket listener) {
    this.socket = socket;
    this.listener = listener;
  }

  /** Serves a socket for the owner of this process; one that is there is replaced. */
  public static DescriptorHolder serve(Path socket) throws IOException {
    Files.deleteIfExists(socket);
    DescriptorHolder holder =
        new DescriptorHolder(socket, DescriptorSocket.listen(socket.toString()));
    Thread thread = new Thread(null, holder::accept, "descriptor-holder", 192 << 10);
    thread.setDaemon(true);
    thread.start();
    return holder;
  }

  private void accept() {
    while (!closed) {
      try (DescriptorSocket caller = listener.accept(ACCEPT_MILLIS)) {
        if (caller != null) {
          serve(caller);
        }
      } catch (PosixException e) {
        // This caller is gone; what it put stays.
      }
    }
  }

  private void serve(DescriptorSocket caller) throws PosixException {
    while (true) {
      DescriptorSocket.Message header = caller.receive(HEADER_BYTES, PATIENCE_MILLIS);
      if (header == null || header.bytes().length < HEADER_BYTES) {
        if (header != null) {
          Posix.close(header.descriptor());
        }
        return;
      }
      int length = (header.bytes()[1] & 0xff) << 8 | header.bytes()[2] & 0xff;
      if (length > NAME_MAX_BYTES) {
        Posix.close(header.descriptor());
        return;
      }
      String name =
          new String(
              caller.receiveExactly(length, PATIENCE_MILLIS).bytes(), StandardCharsets.UTF_8);
      switch (header.bytes()[0]) {
        case 'P' -> {
          keep(name, header.descriptor());
          caller.send(message('K', ""), -1);
        }
        case 'D' -> {
          drop(name);
          caller.send(message('K', ""), -1);
        }
        case 'G' -> give(caller, name);
        default -> {
          Posix.close(header.descriptor());
          return;
        }
      }
    }
  }

  private synchronized void keep(String name, int descriptor) {
    if (descriptor < 0) {
      return;
    }
    if (held.size() >= HELD_MAX && !held.containsKey(name)) {
      Posix.close(descriptor);
      return;
    }
    Integer before = held.put(name, descriptor);
    if (before != null) {
      Posix.close(before);
    }
  }

  private synchronized void give(DescriptorSocket caller, String prefix) throws PosixException {
    for (Map.Entry<String, Integer> one : held.entrySet()) {
      if (one.getKey().startsWith(prefix)) {
        caller.send(message('F', one.getKey()), one.getValue());
      }
    }
    caller.send(message('E', ""), -1);
  }

  /** Closes all whose names begin so: their process was deleted. */
  public synchronized void drop(String prefix) {
    held.entrySet()
        .removeIf(
            one -> {
              boolean ours = one.getKey().startsWith(prefix);
              if (ours) {
                Posix.close(one.getValue());
              }
              return ours;
            });
  }

  /** How many descriptors are held. */
  public synchronized int size() {
    return held.size();
  }

  private static byte[] message(char kind, String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    ByteBuffer message = ByteBuffer.allocate(HEADER_BYTES + bytes.length);
    message.put((byte) kind).putShort((short) bytes.length).put(bytes);
    return message.array();
  }

  @Override
  public void close() {
    closed = true;
    listener.close();
    drop("");
    try {
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      // Nobody answers there any more, which is what matters.
    }
  }

  public static Connection connect(Path socket) throws PosixException {
    return new Connection(DescriptorSocket.connect(socket.toString()));
  }

  /** A shim's side. Not thread-safe. */
  public static final class Connection implements AutoCloseable {
    private final DescriptorSocket socket;

    private Connection(DescriptorSocket socket) {
      this.socket = socket;
    }

    /** Hands over a duplicate; the caller's own stays open. */
    public void put(String name, int descriptor) throws PosixException {
      socket.send(message('P', name), descriptor);
      socket.receiveExactly(HEADER_BYTES, PATIENCE_MILLIS);
    }

    /** Has all dropped whose names begin so. */
    public void drop(String prefix) throws PosixException {
      socket.send(message('D', prefix), -1);
      socket.receiveExactly(HEADER_BYTES, PATIENCE_MILLIS);
    }

    /** All whose names begin so, by name; they are the caller's to close. */
    public Map<String, Integer> get(String prefix) throws PosixException {
      Map<String, Integer> found = new HashMap<>();
      socket.send(message('G', prefix), -1);
      while (true) {
        DescriptorSocket.Message header = socket.receiveExactly(HEADER_BYTES, PATIENCE_MILLIS);
        int length = (header.bytes()[1] & 0xff) << 8 | header.bytes()[2] & 0xff;
        if (header.bytes()[0] == 'E') {
          return found;
        }
        byte[] name = socket.receiveExactly(length, PATIENCE_MILLIS).bytes();
        if (header.descriptor() >= 0) {
          found.put(new String(name, StandardCharsets.UTF_8), header.descriptor());
        }
      }
    }

    @Override
    public void close() {
      socket.close();
    }
  }
}

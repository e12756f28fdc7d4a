package dev.retainerd.bench.image;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The least registry that a pull needs: one image, read only, on the loopback interface, without
 * TLS or a login. For places where no real registry is installed; figures are taken with one.
 *
 * <p>Source: the OCI distribution specification's chapter on pulling. Thread-safe.
 */
public final class ImageServer implements AutoCloseable {
  private static final int LINE_BYTES_MAX = 8192;

  private final ServerSocket socket;
  private final LayeredImage image;
  private final Map<String, Path> blobs = new HashMap<>();

  /** Serves on a free port from now on. */
  public ImageServer(LayeredImage image) throws IOException {
    this.image = image;
    image.blobs().forEach(blob -> blobs.put(blob.digest(), blob.file()));
    this.socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().name("image-server").start(this::accept);
  }

  /** Its address with a name of the image: whatever follows the address is this image. */
  public String reference(String name) {
    return "127.0.0.1:" + socket.getLocalPort() + "/" + name;
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        Socket peer = socket.accept();
        Thread.ofVirtual().start(() -> serve(peer));
      } catch (IOException e) {
        // Closed, or the peer went before it was heard.
        Thread.onSpinWait();
      }
    }
  }

  private void serve(Socket peer) {
    try (peer) {
      InputStream in = new BufferedInputStream(peer.getInputStream());
      OutputStream out = new BufferedOutputStream(peer.getOutputStream(), 128 * 1024);
      for (String request = line(in); !request.isEmpty(); request = line(in)) {
        while (!line(in).isEmpty()) {
          // Headers change nothing here.
        }
        String[] words = request.split(" ", -1);
        answer(words[0].equals("HEAD"), words.length > 1 ? words[1] : "", out);
        out.flush();
      }
    } catch (IOException e) {
      // The client has gone; there is nobody to tell.
      return;
    }
  }

  private static String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int c = in.read(); c >= 0 && c != '\n' && line.size() < LINE_BYTES_MAX; c = in.read()) {
      if (c != '\r') {
        line.write(c);
      }
    }
    return line.toString(StandardCharsets.US_ASCII);
  }

  private void answer(boolean headOnly, String path, OutputStream out) throws IOException {
    String wanted = path.substring(path.lastIndexOf('/') + 1);
    if (path.contains("/manifests/")) {
      send(LayeredImage.manifestType(), image.manifest(), headOnly, out);
    } else if (wanted.equals(image.configDigest())) {
      send("application/octet-stream", image.config(), headOnly, out);
    } else if (blobs.containsKey(wanted)) {
      head("200 OK", "application/octet-stream", Files.size(blobs.get(wanted)), out);
      if (!headOnly) {
        Files.copy(blobs.get(wanted), out);
      }
    } else {
      head("404 Not Found", "text/plain", 0, out);
    }
  }

  private static void send(String type, byte[] body, boolean headOnly, OutputStream out)
      throws IOException {
    head("200 OK", type, body.length, out);
    if (!headOnly) {
      out.write(body);
    }
  }

  private static void head(String status, String type, long length, OutputStream out)
      throws IOException {
    out.write(
        ("HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + length)
            .getBytes(StandardCharsets.US_ASCII));
    out.write("\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}

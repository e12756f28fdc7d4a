package dev.retainerd.runtime.stream;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** Real processes in place of containers, and the test's own loopback in place of a pod's. */
final class ShellTargets implements StreamTargets {
  final List<TerminalSize> sizes = new CopyOnWriteArrayList<>();
  final CountDownLatch clientGone = new CountDownLatch(1);

  @Override
  public int exec(StreamRequest.Exec request, StreamIo io) throws IOException {
    if (!request.containerId().equals("c1")) {
      throw Refusal.notFound("container \"" + request.containerId() + "\" does not exist");
    }
    io.resizes().listen(sizes::add);
    Process process = new ProcessBuilder(request.command()).start();
    io.gone()
        .thenRun(
            () -> {
              process.destroyForcibly();
              clientGone.countDown();
            });
    Thread stdin = Thread.startVirtualThread(() -> feed(process, io));
    Thread stderr =
        Thread.startVirtualThread(
            () ->
                copy(
                    process.getErrorStream(), io.stderr().orElse(OutputStream.nullOutputStream())));
    copy(process.getInputStream(), io.stdout().orElse(OutputStream.nullOutputStream()));
    try {
      stderr.join();
      int code = process.waitFor();
      stdin.interrupt();
      return code;
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void feed(Process process, StreamIo io) {
    try (OutputStream out = process.getOutputStream()) {
      if (io.stdin().isPresent()) {
        InputStream in = io.stdin().get();
        byte[] buffer = new byte[8192];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          out.write(buffer, 0, n);
          out.flush();
        }
      }
    } catch (IOException e) {
      // The process or the client ended first.
      return;
    }
  }

  private static void copy(InputStream in, OutputStream out) {
    try {
      in.transferTo(out);
    } catch (IOException e) {
      // The client is gone.
      return;
    }
  }

  @Override
  public void attach(StreamRequest.Attach request, StreamIo io) throws IOException {
    io.stdout().orElseThrow().write("attached to ".getBytes());
    io.stdout().orElseThrow().write(request.containerId().getBytes());
  }

  @Override
  public ByteChannel dial(String sandboxId, int port) throws IOException {
    return SocketChannel.open(new InetSocketAddress("127.0.0.1", port));
  }
}

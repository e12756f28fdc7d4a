package dev.retainerd.runtime.stream;

import java.io.IOException;
import java.nio.channels.ByteChannel;

/**
 * What is at the other end of the streams. The methods are called on virtual threads and may block;
 * different calls run at the same time.
 */
public interface StreamTargets {

  /**
   * Runs the command to its end, with all of its output written.
   *
   * @return the exit code
   * @throws dev.retainerd.runtime.error.Refusal if it cannot be run; the sentence reaches the
   *     client
   * @throws IOException if the client is gone
   */
  int exec(StreamRequest.Exec request, StreamIo io) throws IOException;

  /**
   * Connects the client to the container's first process until one of them is gone.
   *
   * @throws dev.retainerd.runtime.error.Refusal if there is nothing to attach to
   * @throws IOException if the client is gone
   */
  void attach(StreamRequest.Attach request, StreamIo io) throws IOException;

  /**
   * Connects to a port on the loopback address inside of the pod's network namespace.
   *
   * @return a blocking channel; a SocketChannel's output is shut down when the client half-closes
   * @throws dev.retainerd.runtime.error.Refusal if the pod does not run
   * @throws IOException with the reason for the client, if nobody listens there
   */
  ByteChannel dial(String sandboxId, int port) throws IOException;
}

package dev.retainerd.runtime.stream;

import java.util.List;

/** What a one-time address stands for. */
public sealed interface StreamRequest {

  /** The first part of the address's path. */
  String verb();

  /** Which streams a command has; a terminal has no standard error of its own. */
  record Streams(boolean stdin, boolean stdout, boolean stderr, boolean tty) {}

  /** A command to be run in a container. */
  record Exec(String containerId, List<String> command, Streams streams) implements StreamRequest {
    public Exec {
      command = List.copyOf(command);
    }

    @Override
    public String verb() {
      return "exec";
    }
  }

  /** The streams of a container's own first process. */
  record Attach(String containerId, Streams streams) implements StreamRequest {
    @Override
    public String verb() {
      return "attach";
    }
  }

  /**
   * Connections to ports inside of a pod.
   *
   * @param ports those of a WebSocket client; a SPDY client names its ports itself
   */
  record PortForward(String sandboxId, List<Integer> ports) implements StreamRequest {
    public PortForward {
      ports = List.copyOf(ports);
    }

    @Override
    public String verb() {
      return "portforward";
    }
  }
}

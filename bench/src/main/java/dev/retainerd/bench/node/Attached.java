package dev.retainerd.bench.node;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.client.UnixChannel;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A runtime that ran before and goes on after: the benchmark talks to its socket, adds its image
 * where that is missing, and leaves everything else as it was.
 */
public final class Attached implements Target {
  private final String name;
  private final Path socket;
  private final Path folder;

  private Attached(String name, Path socket, Path folder) {
    this.name = name;
    this.socket = socket;
    this.folder = folder;
  }

  /**
   * Connects to {@code socket}.
   *
   * @throws NodeException when nothing answers there
   */
  public static Attached to(String name, Path socket) throws NodeException {
    if (!Files.exists(socket)) {
      throw new NodeException("there is no socket " + socket + "; is " + name + " running?");
    }
    try {
      Attached target = new Attached(name, socket, Traces.newFolder(Path.of("/tmp")));
      Traces.own(target.folder, "", target.cgroup());
      try (RuntimeClient client = target.connect()) {
        if (!client.answersCri(10_000)) {
          target.close();
          throw new NodeException(
              name + " does not answer CRI on " + socket + " within 10 s; is its CRI plugin on?");
        }
      }
      return target;
    } catch (IOException e) {
      throw new NodeException("no folder can be made in /tmp: " + e.getMessage(), e);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Path socket() {
    return socket;
  }

  @Override
  public Path folder() {
    return folder;
  }

  @Override
  public String cgroup() {
    return "/retain-bench/" + folder.getFileName();
  }

  @Override
  public OptionalLong daemon() {
    return UnixChannel.listener(socket);
  }

  @Override
  public List<Long> shims() {
    return Processes.withCommandLine(socket.toString()).stream()
        .filter(pid -> Processes.commandLine(pid).contains("shim"))
        .toList();
  }

  @Override
  public Optional<Node> own() {
    return Optional.empty();
  }

  @Override
  public void provideImage(Path busybox, String namespace) throws NodeException {
    try (RuntimeClient client = connect()) {
      boolean there =
          namespace.equals("k8s.io")
              && client
                  .criImages()
                  .imageStatus(
                      ImageStatusRequest.newBuilder()
                          .setImage(ImageSpec.newBuilder().setImage(IMAGE))
                          .build())
                  .hasImage();
      if (!there) {
        Images.importBusybox(this, busybox, namespace);
      }
    } catch (StatusRuntimeException e) {
      throw new NodeException(
          name + " can't say whether it has " + IMAGE + ": " + e.getStatus().getDescription(), e);
    } catch (NodeException e) {
      throw new NodeException(
          name
              + " has no image "
              + IMAGE
              + " and takes no import by ctr; make one with 'retain-bench image FILE' and load it"
              + " there: "
              + e.getMessage(),
          e);
    }
  }

  @Override
  public void close() {
    Traces.remove(folder, "", cgroup(), false);
  }
}

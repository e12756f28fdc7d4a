package dev.retainerd.bench.node;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.client.UnixChannel;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import dev.retainerd.wire.cri.v1.StatusRequest;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A runtime that ran before and goes on after: the benchmark talks to its socket, adds its image
 * where that is missing, and leaves everything else as it was.
 */
public final class Attached implements Target {
  private static final String CRI_FOLDER = "io.containerd.grpc.v1.cri";

  private final String name;
  private final Path socket;
  private final Path folder;

  /** What its shims have in their command lines: its socket, or its folder for what lives. */
  private final Set<String> marks = new HashSet<>();

  private Attached(String name, Path socket, Path folder) {
    this.name = name;
    this.socket = socket;
    this.folder = folder;
    marks.add(socket.toString());
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
        stateFolder(client).ifPresent(target.marks::add);
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
    return marks.stream()
        .flatMap(mark -> Processes.withCommandLine(mark).stream())
        .filter(pid -> Processes.commandLine(pid).contains("shim"))
        .distinct()
        .toList();
  }

  /** As containerd and its likes tell it in their verbose status; that of CRI lies in it. */
  private static Optional<String> stateFolder(RuntimeClient client) {
    try {
      String config =
          client
              .cri()
              .status(StatusRequest.newBuilder().setVerbose(true).build())
              .getInfoOrDefault("config", "{}");
      JsonElement state = JsonParser.parseString(config).getAsJsonObject().get("stateDir");
      if (state == null) {
        return Optional.empty();
      }
      Path path = Path.of(state.getAsString());
      return Optional.of(path.endsWith(CRI_FOLDER) ? path.getParent() : path)
          .filter(folder -> folder.getNameCount() > 1)
          .map(Path::toString);
    } catch (StatusRuntimeException | IllegalStateException | JsonParseException e) {
      return Optional.empty();
    }
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

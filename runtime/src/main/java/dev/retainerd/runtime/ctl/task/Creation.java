package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.image.Leased;
import dev.retainerd.wire.containerd.runc.v1.Options;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.PrepareSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.RemoveSnapshotRequest;
import dev.retainerd.wire.containerd.services.snapshots.v1.SnapshotsGrpc;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Makes a container of an image or a root folder, as clients of containerd do. */
final class Creation {
  private static final String RUNC_OPTIONS = "containerd.runc.v1.Options";

  private final Session session;
  private final SpecFlags flags;

  Creation(Session session, SpecFlags flags) {
    this.session = session;
    this.flags = flags;
  }

  /** Makes it; when its record is refused, its snapshot goes again. */
  Container create(String image, String id, List<String> arguments) throws IOException {
    if (flags.rootfs) {
      Path root = Path.of(image).toAbsolutePath();
      if (!Files.isDirectory(root)) {
        throw CommandFailure.of("there is no root folder " + root);
      }
      return stored(
          Container.newBuilder().setId(id), spec(id, Optional.empty(), arguments, root.toString()));
    }
    try (Leased lease = Leased.begin(session)) {
      return ofImage(image, id, arguments);
    }
  }

  private Container ofImage(String image, String id, List<String> arguments) throws IOException {
    Images from = Images.unpacked(session, image, flags.snapshotter);
    JsonObject config = from.manifest().config();
    JsonObject spec = spec(id, Optional.of(config), arguments, "rootfs");
    Container.Builder container =
        Container.newBuilder()
            .setId(id)
            .setImage(image)
            .setSnapshotter(flags.snapshotter)
            .setSnapshotKey(id);
    JsonObject inner = config.getAsJsonObject("config");
    if (inner != null && inner.has("Labels") && inner.get("Labels").isJsonObject()) {
      inner
          .getAsJsonObject("Labels")
          .entrySet()
          .forEach(one -> container.putLabels(one.getKey(), one.getValue().getAsString()));
    }
    if (inner != null && inner.has("StopSignal")) {
      container.putLabels(Images.STOP_SIGNAL_LABEL, inner.get("StopSignal").getAsString());
    }
    snapshots()
        .prepare(
            PrepareSnapshotRequest.newBuilder()
                .setSnapshotter(flags.snapshotter)
                .setKey(id)
                .setParent(from.chainId())
                .build());
    try {
      return stored(container, spec);
    } catch (StatusRuntimeException e) {
      snapshots()
          .remove(
              RemoveSnapshotRequest.newBuilder()
                  .setSnapshotter(flags.snapshotter)
                  .setKey(id)
                  .build());
      throw e;
    }
  }

  private SnapshotsGrpc.SnapshotsBlockingStub snapshots() {
    return session.bounded(SnapshotsGrpc.newBlockingStub(session.channel()));
  }

  private JsonObject spec(
      String id, Optional<JsonObject> config, List<String> arguments, String root)
      throws IOException {
    if (flags.config.isEmpty()) {
      return Spec.of(flags, session.namespace(), id, config, arguments, root);
    }
    try {
      return JsonParser.parseString(Files.readString(Path.of(flags.config))).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw CommandFailure.of(flags.config + " is no JSON object", e);
    }
  }

  private Container stored(Container.Builder container, JsonObject spec) {
    container
        .putAllLabels(Labels.parse(flags.labels))
        .setRuntime(runtime())
        .setSpec(
            Any.newBuilder()
                .setTypeUrl(Spec.TYPE)
                .setValue(ByteString.copyFromUtf8(spec.toString())));
    return session
        .bounded(ContainersGrpc.newBlockingStub(session.channel()))
        .create(CreateContainerRequest.newBuilder().setContainer(container).build())
        .getContainer();
  }

  private Container.Runtime runtime() {
    Container.Runtime.Builder runtime = Container.Runtime.newBuilder().setName(flags.runtime);
    Options options =
        Options.newBuilder()
            .setBinaryName(flags.runcBinary)
            .setRoot(flags.runcRoot)
            .setSystemdCgroup(flags.systemdCgroup)
            .build();
    return runtime.setOptions(any(options)).build();
  }

  /** What create of the task is told beside the record. */
  Any taskOptions() {
    return any(
        Options.newBuilder()
            .setNoPivotRoot(flags.noPivot)
            .setBinaryName(flags.runcBinary)
            .setRoot(flags.runcRoot)
            .setSystemdCgroup(flags.systemdCgroup)
            .build());
  }

  private static Any any(Options options) {
    return Any.newBuilder().setTypeUrl(RUNC_OPTIONS).setValue(options.toByteString()).build();
  }
}

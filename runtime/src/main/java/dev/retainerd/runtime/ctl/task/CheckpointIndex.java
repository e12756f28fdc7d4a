package dev.retainerd.runtime.ctl.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.image.Blobs;
import dev.retainerd.runtime.ctl.image.ImageVerbs;
import dev.retainerd.wire.containerd.services.images.v1.CreateImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.images.v1.ImagesGrpc;
import dev.retainerd.wire.containerd.types.Descriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The index that stands for a checkpoint: its parts as manifests, each known by its media type, and
 * what it was made of as annotations. Clients of containerd 1.6 write and read the same.
 */
final class CheckpointIndex {
  static final String TASK = "application/vnd.containerd.container.criu.checkpoint.criu.tar";
  static final String SPEC = "application/vnd.containerd.container.checkpoint.config.v1+proto";
  static final String OPTIONS = "application/vnd.containerd.container.checkpoint.options.v1+proto";
  static final String RUNTIME_OPTIONS =
      "application/vnd.containerd.container.checkpoint.runtime.options+proto";

  static final String IMAGE_NAME = "org.opencontainers.image.ref.name";
  static final String RUNTIME_NAME = "io.containerd.checkpoint.runtime";
  static final String SNAPSHOTTER = "io.containerd.checkpoint.snapshotter";

  private static final String INDEX = "application/vnd.oci.image.index.v1+json";
  private static final int PART_BYTES_MAX = 8 * 1024 * 1024;

  private final Session session;
  private final Blobs blobs;
  private final List<Descriptor> parts = new ArrayList<>();
  private final Map<String, String> annotations = new LinkedHashMap<>();

  CheckpointIndex(Session session) {
    this.session = session;
    this.blobs = new Blobs(session);
  }

  /** The index that an image points at. */
  static CheckpointIndex of(Session session, String image) {
    CheckpointIndex index = new CheckpointIndex(session);
    JsonObject tree = index.blobs.document(ImageVerbs.get(session, image).getTarget().getDigest());
    if (!(tree.get("manifests") instanceof JsonArray members)
        || !(tree.get("annotations") instanceof JsonObject notes)) {
      throw CommandFailure.of("image " + image + " is no checkpoint");
    }
    for (JsonElement one : members) {
      JsonObject part = one.getAsJsonObject();
      index.add(
          Descriptor.newBuilder()
              .setMediaType(part.get("mediaType").getAsString())
              .setDigest(part.get("digest").getAsString())
              .setSize(part.get("size").getAsLong())
              .build());
    }
    notes.entrySet().forEach(note -> index.note(note.getKey(), note.getValue().getAsString()));
    return index;
  }

  void add(Descriptor part) {
    parts.add(part);
  }

  void note(String name, String value) {
    annotations.put(name, value);
  }

  /** Stores a value as a part. */
  void add(String mediaType, String ref, Any value) throws IOException {
    byte[] bytes = value.toByteArray();
    String digest = write(ref, bytes, Map.of());
    add(
        Descriptor.newBuilder()
            .setMediaType(mediaType)
            .setDigest(digest)
            .setSize(bytes.length)
            .build());
  }

  private String write(String ref, byte[] bytes, Map<String, String> labels) throws IOException {
    return blobs.write(
        ref, new ByteArrayInputStream(bytes), bytes.length, Blobs.digestOf(bytes), labels);
  }

  Optional<Descriptor> part(String mediaType) {
    return parts.stream().filter(part -> part.getMediaType().equals(mediaType)).findFirst();
  }

  /** The part of that type; a checkpoint without it cannot be restored. */
  Descriptor needed(String mediaType) {
    return part(mediaType)
        .orElseThrow(
            () ->
                CommandFailure.of(
                    "the checkpoint has no part of type " + mediaType + " to restore"));
  }

  String needs(String annotation) {
    String value = annotations.getOrDefault(annotation, "");
    if (value.isEmpty()) {
      throw CommandFailure.of("the checkpoint does not say its " + annotation);
    }
    return value;
  }

  /** A part that holds a typed value. */
  Any value(Descriptor part) throws IOException {
    if (part.getSize() > PART_BYTES_MAX) {
      throw CommandFailure.of("part " + part.getDigest() + " is too large to be a record");
    }
    ByteString.Output bytes = ByteString.newOutput();
    blobs.copy(part.getDigest(), bytes);
    try {
      return Any.parseFrom(bytes.toByteString());
    } catch (InvalidProtocolBufferException e) {
      throw CommandFailure.of("part " + part.getDigest() + " holds no typed value", e);
    }
  }

  /** Stores it and names it; its parts live as long as it does. */
  void save(String ref, String name, Map<String, String> labels) throws IOException {
    JsonObject tree = new JsonObject();
    tree.addProperty("schemaVersion", 2);
    JsonArray manifests = new JsonArray();
    Map<String, String> holds = new LinkedHashMap<>();
    for (Descriptor part : parts) {
      holds.put("containerd.io/gc.ref.content." + manifests.size(), part.getDigest());
      JsonObject one = new JsonObject();
      one.addProperty("mediaType", part.getMediaType());
      one.addProperty("digest", part.getDigest());
      one.addProperty("size", part.getSize());
      manifests.add(one);
    }
    tree.add("manifests", manifests);
    JsonObject notes = new JsonObject();
    annotations.forEach(notes::addProperty);
    tree.add("annotations", notes);
    byte[] bytes = tree.toString().getBytes(StandardCharsets.UTF_8);
    String digest = write(ref, bytes, holds);
    session
        .bounded(ImagesGrpc.newBlockingStub(session.channel()))
        .create(
            CreateImageRequest.newBuilder()
                .setImage(
                    Image.newBuilder()
                        .setName(name)
                        .putAllLabels(labels)
                        .setTarget(
                            Descriptor.newBuilder()
                                .setMediaType(INDEX)
                                .setDigest(digest)
                                .setSize(bytes.length)))
                .build());
  }
}

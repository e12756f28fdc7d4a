package dev.retainerd.runtime.checkpoint;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What the pod of a checkpoint was, and what its containers were: {@code pod.json}. Immutable.
 *
 * @param runtimeHandler as the pod was run with; "" for the default one
 * @param config as it was asked for
 */
record PodManifest(
    String podId, String runtimeHandler, PodSandboxConfig config, List<Member> members) {
  private static final int VERSION = 1;
  private static final int MOST_BYTES = 16 << 20;
  private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");

  PodManifest {
    members = List.copyOf(members);
  }

  /**
   * A container.
   *
   * @param imageId digest of its image's config
   */
  record Member(String id, String name, String imageId, String image, ContainerConfig config) {}

  static PodManifest of(SandboxRecord pod, List<ContainerRecord> containers) {
    return new PodManifest(
        pod.getId(),
        pod.getRuntimeHandler(),
        SandboxService.config(pod),
        containers.stream().map(PodManifest::member).toList());
  }

  private static Member member(ContainerRecord container) {
    try {
      return new Member(
          container.getId(),
          container.getCri().getName(),
          container.getCri().getImageId(),
          container.getImage(),
          ContainerConfig.parseFrom(container.getCri().getConfig()));
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.internal(
          "the recorded configuration of container " + container.getId() + " cannot be read", e);
    }
  }

  byte[] bytes() {
    JsonObject root = new JsonObject();
    root.addProperty("version", VERSION);
    root.addProperty("podSandboxId", podId);
    root.addProperty("runtimeHandler", runtimeHandler);
    root.add("config", json(config));
    JsonArray containers = new JsonArray();
    for (Member member : members) {
      JsonObject one = new JsonObject();
      one.addProperty("id", member.id());
      one.addProperty("name", member.name());
      one.addProperty("imageId", member.imageId());
      one.addProperty("image", member.image());
      one.add("config", json(member.config()));
      containers.add(one);
    }
    root.add("containers", containers);
    return new Gson().toJson(root).getBytes(StandardCharsets.UTF_8);
  }

  private static JsonElement json(Message message) {
    try {
      return JsonParser.parseString(JsonFormat.printer().print(message));
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.internal("a configuration cannot be written as JSON", e);
    }
  }

  /**
   * Reads it from a checkpoint's folder, whoever has written it.
   *
   * @throws Refusal INVALID_ARGUMENT where that holds none, or a broken one
   */
  static PodManifest read(Path checkpoint) {
    Path file = PodFiles.manifest(checkpoint);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw broken(checkpoint, "it has no file " + PodFiles.MANIFEST);
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes(MOST_BYTES + 1);
      if (bytes.length > MOST_BYTES) {
        throw broken(checkpoint, PodFiles.MANIFEST + " has more than " + MOST_BYTES + " bytes");
      }
      return parse(checkpoint, new String(bytes, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw Unwritable.unreadable("the checkpoint", checkpoint, e);
    }
  }

  private static PodManifest parse(Path checkpoint, String text) throws IOException {
    try {
      JsonObject root = JsonParser.parseString(text).getAsJsonObject();
      int version = root.get("version").getAsInt();
      if (version != VERSION) {
        throw broken(checkpoint, "it is of version " + version + ", and " + VERSION + " is known");
      }
      List<Member> members = new ArrayList<>();
      for (JsonElement element : root.getAsJsonArray("containers")) {
        JsonObject one = element.getAsJsonObject();
        members.add(
            new Member(
                one.get("id").getAsString(),
                one.get("name").getAsString(),
                one.get("imageId").getAsString(),
                one.get("image").getAsString(),
                parsed(ContainerConfig.newBuilder(), one.get("config")).build()));
      }
      PodManifest manifest =
          new PodManifest(
              root.get("podSandboxId").getAsString(),
              root.get("runtimeHandler").getAsString(),
              parsed(PodSandboxConfig.newBuilder(), root.get("config")).build(),
              members);
      manifest.check(checkpoint);
      return manifest;
    } catch (JsonParseException
        | ClassCastException
        | IllegalStateException
        | NullPointerException
        | NumberFormatException
        | UnsupportedOperationException
        | InvalidProtocolBufferException e) {
      throw broken(checkpoint, PodFiles.MANIFEST + " is none that CheckpointPod has written")
          .because(e);
    }
  }

  private static <B extends Message.Builder> B parsed(B builder, JsonElement json)
      throws InvalidProtocolBufferException {
    JsonFormat.parser().merge(json.toString(), builder);
    return builder;
  }

  private void check(Path checkpoint) {
    Set<String> ids = new HashSet<>();
    Set<String> names = new HashSet<>();
    for (Member member : members) {
      if (!ID.matcher(member.id()).matches() || !ids.add(member.id())) {
        throw broken(checkpoint, "a container's id in " + PodFiles.MANIFEST + " is wrong");
      }
      if (member.name().isEmpty() || !names.add(member.name())) {
        throw broken(checkpoint, "a container's name in " + PodFiles.MANIFEST + " is wrong");
      }
    }
    if (members.isEmpty()) {
      throw broken(checkpoint, "it has no container");
    }
  }

  static Refusal broken(Path checkpoint, String why) {
    return Refusal.invalidArgument(
        checkpoint + " is not a checkpoint of a pod that can be restored: " + why);
  }
}

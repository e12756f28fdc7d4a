package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Platform;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads indexes, manifests and configs of images out of the daemon's content store. */
public final class Manifests {
  static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
  static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
  static final String DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
  static final String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
  static final String DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
  static final String DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
  static final String DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";

  private final Blobs blobs;

  public Manifests(Blobs blobs) {
    this.blobs = blobs;
  }

  /**
   * An image for one platform.
   *
   * @param digest the manifest's
   * @param configDigest the config's
   * @param layers in order, the lowest first
   */
  public record Manifest(
      String digest, String configDigest, JsonObject config, List<Descriptor> layers) {

    /** The digests of the unpacked layers, the lowest first. */
    public List<String> diffIds() {
      List<String> ids = new ArrayList<>();
      JsonObject rootfs = config.getAsJsonObject("rootfs");
      if (rootfs != null && rootfs.has("diff_ids")) {
        rootfs.getAsJsonArray("diff_ids").forEach(id -> ids.add(id.getAsString()));
      }
      return ids;
    }

    /** The name of the snapshot with all layers unpacked; "" for an image without layers. */
    public String chainId() {
      return Manifests.chainId(diffIds());
    }
  }

  /** The chain id of these layers: what containerd's clients name snapshots after. */
  public static String chainId(List<String> diffIds) {
    String chain = "";
    for (String diffId : diffIds) {
      chain = chain.isEmpty() ? diffId : sha256(chain + " " + diffId);
    }
    return chain;
  }

  static String sha256(String text) {
    return sha256(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  static String sha256(byte[] bytes) {
    MessageDigest sum = sha256();
    sum.update(bytes);
    return named(sum);
  }

  /** What a digest has seen, as content is named; it is reset by this. */
  static String named(MessageDigest sum) {
    return "sha256:" + HexFormat.of().formatHex(sum.digest());
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  static boolean isIndex(String mediaType) {
    return mediaType.equals(OCI_INDEX) || mediaType.equals(DOCKER_INDEX);
  }

  static boolean isManifest(String mediaType) {
    return mediaType.equals(OCI_MANIFEST) || mediaType.equals(DOCKER_MANIFEST);
  }

  /** The manifest for this machine's platform. */
  public Manifest forThisNode(String name, Descriptor target) {
    return forPlatform(name, target, PlatformWish.here());
  }

  /** The manifest for one platform. */
  Manifest forPlatform(String name, Descriptor target, PlatformWish wish) {
    return find(target, wish, 0)
        .orElseThrow(
            () ->
                CommandFailure.of(
                    "image "
                        + name
                        + " holds nothing for platform "
                        + wish
                        + ": pull or import it for this platform"));
  }

  private Optional<Manifest> find(Descriptor target, PlatformWish wish, int depth) {
    if (isManifest(target.getMediaType())) {
      return Optional.of(manifest(target.getDigest()));
    }
    if (!isIndex(target.getMediaType()) || depth > 4) {
      throw CommandFailure.of(
          target.getDigest() + " is of type " + target.getMediaType() + ", which is no image");
    }
    for (JsonElement one : members(blobs.document(target.getDigest()), "manifests")) {
      JsonObject entry = one.getAsJsonObject();
      Descriptor child = descriptor(entry);
      if (wish.mayFit(entry) && blobs.info(child.getDigest()).isPresent()) {
        Optional<Manifest> found = find(child, wish, depth + 1);
        if (found.isPresent() && wish.fits(found.get().config())) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  private Manifest manifest(String digest) {
    JsonObject tree = blobs.document(digest);
    List<Descriptor> layers = new ArrayList<>();
    members(tree, "layers").forEach(layer -> layers.add(descriptor(layer.getAsJsonObject())));
    String config = descriptor(tree.getAsJsonObject("config")).getDigest();
    return new Manifest(digest, config, blobs.document(config), layers);
  }

  /** Every blob an image needs, itself first; those that are missing come without children. */
  List<Descriptor> closure(Descriptor target) {
    List<Descriptor> all = new ArrayList<>();
    all.add(target);
    boolean index = isIndex(target.getMediaType());
    if ((index || isManifest(target.getMediaType()))
        && blobs.info(target.getDigest()).isPresent()) {
      for (Descriptor child : children(blobs.document(target.getDigest()))) {
        all.addAll(closure(child));
      }
    }
    return all;
  }

  /** What an index or manifest points to. */
  static List<Descriptor> children(JsonObject tree) {
    return children(tree, PlatformWish.ANY);
  }

  /** What an index points to for some platform, or a manifest at all. */
  static List<Descriptor> children(JsonObject tree, PlatformWish wish) {
    List<Descriptor> all = new ArrayList<>();
    for (JsonElement one : members(tree, "manifests")) {
      if (wish.mayFit(one.getAsJsonObject())) {
        all.add(descriptor(one.getAsJsonObject()));
      }
    }
    if (tree.has("config")) {
      all.add(descriptor(tree.getAsJsonObject("config")));
    }
    members(tree, "layers").forEach(one -> all.add(descriptor(one.getAsJsonObject())));
    return all;
  }

  /** The labels by which containerd's collector follows an index or manifest. */
  static Map<String, String> gcLabels(JsonObject tree) {
    return gcLabels(tree, PlatformWish.ANY);
  }

  /** The same, where an index is to hold only what is for some platform. */
  static Map<String, String> gcLabels(JsonObject tree, PlatformWish wish) {
    Map<String, String> labels = new HashMap<>();
    int number = 0;
    for (JsonElement one : members(tree, "manifests")) {
      if (wish.mayFit(one.getAsJsonObject())) {
        labels.put(
            "containerd.io/gc.ref.content.m." + number++,
            descriptor(one.getAsJsonObject()).getDigest());
      }
    }
    if (tree.has("config")) {
      labels.put(
          "containerd.io/gc.ref.content.config",
          descriptor(tree.getAsJsonObject("config")).getDigest());
    }
    number = 0;
    for (JsonElement one : members(tree, "layers")) {
      labels.put(
          "containerd.io/gc.ref.content.l." + number++,
          descriptor(one.getAsJsonObject()).getDigest());
    }
    return labels;
  }

  static JsonArray members(JsonObject tree, String name) {
    JsonElement found = tree.get(name);
    return found != null && found.isJsonArray() ? found.getAsJsonArray() : new JsonArray();
  }

  static Descriptor descriptor(JsonObject tree) {
    if (tree == null || !tree.has("digest")) {
      throw CommandFailure.of("a manifest of this image lacks a descriptor");
    }
    Descriptor.Builder built =
        Descriptor.newBuilder()
            .setMediaType(text(tree, "mediaType"))
            .setDigest(text(tree, "digest"))
            .setSize(tree.has("size") ? tree.get("size").getAsLong() : 0);
    if (tree.has("annotations") && tree.get("annotations").isJsonObject()) {
      tree.getAsJsonObject("annotations")
          .entrySet()
          .forEach(entry -> built.putAnnotations(entry.getKey(), entry.getValue().getAsString()));
    }
    return built.build();
  }

  static String text(JsonObject tree, String name) {
    JsonElement found = tree.get(name);
    return found != null && found.isJsonPrimitive() ? found.getAsString() : "";
  }

  /** {@code linux/amd64}, {@code linux/arm/v7}, from a platform or an image's config. */
  static String platform(JsonObject tree) {
    String variant = text(tree, "variant");
    return text(tree, "os")
        + "/"
        + text(tree, "architecture")
        + (variant.isEmpty() ? "" : "/" + variant);
  }

  /** Whether an entry of an index is for this machine, as far as it says. */
  static boolean mayFit(JsonObject entry) {
    return PlatformWish.here().mayFit(entry);
  }

  /** This machine's, as transfers name it. */
  static Platform platform() {
    return Platform.newBuilder().setOs("linux").setArchitecture(architecture()).build();
  }

  static String architecture() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> "amd64";
      case "aarch64" -> "arm64";
      default -> System.getProperty("os.arch");
    };
  }
}

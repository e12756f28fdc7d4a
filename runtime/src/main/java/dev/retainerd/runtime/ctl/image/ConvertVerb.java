package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.archive.Compression;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.types.Descriptor;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code retainctl images convert}: the same files in another form. What does not change keeps its
 * digest, and the source image stays as it is.
 */
@Command(name = "convert", description = "convert an image")
public final class ConvertVerb extends Verb {
  private static final String UNCOMPRESSED = "containerd.io/uncompressed";
  private static final int DEPTH_MAX = 4;

  @Option(names = "--uncompress", description = "convert tar.gz layers to uncompressed tar layers")
  boolean uncompress;

  @Option(names = "--oci", description = "convert Docker media types to OCI media types")
  boolean oci;

  @Option(
      names = "--platform",
      paramLabel = "OS/ARCH[/VARIANT]",
      description = "only images of these platforms")
  List<String> platforms = new ArrayList<>();

  @Option(names = "--all-platforms", description = "images of all platforms, which must be here")
  boolean allPlatforms;

  @Parameters(index = "0", paramLabel = "SOURCE")
  String source;

  @Parameters(index = "1", paramLabel = "TARGET")
  String target;

  private Session session;
  private Blobs blobs;
  private Path spool;

  @Override
  protected int run(Session open) throws IOException {
    session = open;
    blobs = new Blobs(open);
    Image image = ImageVerbs.get(open, source);
    spool = Files.createTempFile("retainctl-convert", ".layer");
    try (Leased lease = Leased.begin(open)) {
      Descriptor made = document(image.getTarget(), DEPTH_MAX);
      ImageVerbs.put(open, image.toBuilder().setName(target).setTarget(made).build());
      open.println(made.getDigest());
    } finally {
      Files.deleteIfExists(spool);
    }
    return 0;
  }

  private Descriptor document(Descriptor what, int depth) throws IOException {
    JsonObject tree = blobs.document(what.getDigest());
    if (Manifests.isIndex(what.getMediaType()) && depth > 0) {
      index(tree, depth);
    } else if (Manifests.isManifest(what.getMediaType())) {
      manifest(tree);
    } else {
      throw CommandFailure.of(
          what.getDigest() + " is of type " + what.getMediaType() + ", which is no image");
    }
    String type = oci ? ociType(what.getMediaType()) : what.getMediaType();
    if (tree.has("mediaType") || oci) {
      tree.addProperty("mediaType", type);
    }
    byte[] bytes = tree.toString().getBytes(StandardCharsets.UTF_8);
    String digest = Manifests.sha256(bytes);
    blobs.write(
        "convert-" + digest,
        new ByteArrayInputStream(bytes),
        bytes.length,
        digest,
        Manifests.gcLabels(tree));
    return what.toBuilder().setMediaType(type).setDigest(digest).setSize(bytes.length).build();
  }

  private void index(JsonObject tree, int depth) throws IOException {
    JsonArray kept = new JsonArray();
    for (JsonElement one : Manifests.members(tree, "manifests")) {
      JsonObject entry = one.getAsJsonObject();
      if (isWanted(entry)) {
        kept.add(with(entry, document(Manifests.descriptor(entry), depth - 1)));
      }
    }
    if (kept.isEmpty()) {
      throw CommandFailure.of("image " + source + " holds nothing for the platforms wanted");
    }
    tree.add("manifests", kept);
  }

  private boolean isWanted(JsonObject entry) {
    if (allPlatforms || !entry.has("platform")) {
      return true;
    }
    return platforms.isEmpty()
        ? Manifests.mayFit(entry)
        : platforms.contains(Manifests.platform(entry.getAsJsonObject("platform")));
  }

  private void manifest(JsonObject tree) throws IOException {
    if (oci && tree.has("config")) {
      JsonObject config = tree.getAsJsonObject("config");
      config.addProperty("mediaType", ociType(Manifests.text(config, "mediaType")));
    }
    JsonArray layers = new JsonArray();
    for (JsonElement one : Manifests.members(tree, "layers")) {
      JsonObject entry = one.getAsJsonObject();
      Descriptor layer = Manifests.descriptor(entry);
      if (uncompress && isCompressed(layer.getMediaType())) {
        layer = plain(layer);
      }
      if (oci) {
        layer = layer.toBuilder().setMediaType(ociType(layer.getMediaType())).build();
      }
      layers.add(with(entry, layer));
    }
    tree.add("layers", layers);
  }

  private static boolean isCompressed(String mediaType) {
    return mediaType.endsWith("gzip") || mediaType.endsWith("zstd");
  }

  private Descriptor plain(Descriptor layer) throws IOException {
    Path compressed = Files.createTempFile("retainctl-convert", ".blob");
    try {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(compressed))) {
        blobs.copy(layer.getDigest(), out);
      }
      try (InputStream in = Compression.decompress(Files.newInputStream(compressed));
          OutputStream out = new BufferedOutputStream(Files.newOutputStream(spool))) {
        in.transferTo(out);
      }
    } finally {
      Files.deleteIfExists(compressed);
    }
    long size = Files.size(spool);
    String digest;
    try (InputStream in = Files.newInputStream(spool)) {
      digest = blobs.write("convert-" + layer.getDigest(), in, size, "", Map.of());
    }
    blobs.label(digest, Map.of(UNCOMPRESSED, digest));
    session.println(layer.getDigest() + ": unpacked to " + digest);
    String type = layer.getMediaType();
    return layer.toBuilder()
        .setMediaType(type.substring(0, Math.max(type.lastIndexOf('.'), type.lastIndexOf('+'))))
        .setDigest(digest)
        .setSize(size)
        .build();
  }

  /** The entry with what may have changed; all else in it stays. */
  private static JsonObject with(JsonObject entry, Descriptor changed) {
    JsonObject next = entry.deepCopy();
    next.addProperty("mediaType", changed.getMediaType());
    next.addProperty("digest", changed.getDigest());
    next.addProperty("size", changed.getSize());
    return next;
  }

  private static String ociType(String type) {
    return switch (type) {
      case Manifests.DOCKER_INDEX -> Manifests.OCI_INDEX;
      case Manifests.DOCKER_MANIFEST -> Manifests.OCI_MANIFEST;
      case Manifests.DOCKER_CONFIG -> Manifests.OCI_CONFIG;
      case Manifests.DOCKER_LAYER -> "application/vnd.oci.image.layer.v1.tar";
      case Manifests.DOCKER_LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gz" ->
          "application/vnd.oci.image.layer.v1.tar+gzip";
      default -> type;
    };
  }
}

package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Reads indexes, manifests and configs out of a namespace's content. Documents never change under
 * their digest, so what was read once is remembered. Thread-safe.
 */
final class ImageDocuments {
  private static final int REMEMBERED_MAX = 2000;
  private static final int INDEX_DEPTH_MAX = 4;

  private final ContentService content;
  private final Platform node;
  private final ConcurrentHashMap<String, ImageFacts> remembered = new ConcurrentHashMap<>();

  ImageDocuments(ContentService content, Platform node) {
    this.content = content;
    this.node = node;
  }

  /**
   * What the image of that target is on this node.
   *
   * @throws Refusal not found, where a document is missing or none fits the platform; invalid
   *     argument, where one is malformed
   */
  ImageFacts facts(String namespace, Descriptor target) {
    String key = namespace + " " + target.getDigest();
    ImageFacts known = remembered.get(key);
    if (known != null && content.find(namespace, Digest.parse(known.id())).isPresent()) {
      return known;
    }
    ImageFacts read = read(namespace, manifest(namespace, target, INDEX_DEPTH_MAX));
    if (remembered.size() >= REMEMBERED_MAX) {
      remembered.clear();
    }
    remembered.put(key, read);
    return read;
  }

  private ImageFacts read(String namespace, Descriptor manifestAt) {
    ImageManifest manifest = ImageManifest.of(document(namespace, manifestAt, "manifest"));
    Descriptor configAt = manifest.config();
    ImageConfig config = ImageConfig.of(document(namespace, configAt, "config"));
    if (MediaTypes.isImageConfig(configAt.getMediaType())
        && config.diffIds().size() != manifest.layers().size()) {
      throw Refusal.invalidArgument(
          "image "
              + manifestAt.getDigest()
              + " has "
              + manifest.layers().size()
              + " layers, and its config speaks of "
              + config.diffIds().size());
    }
    long size = manifestAt.getSize() + configAt.getSize();
    for (Descriptor layer : manifest.layers()) {
      size += layer.getSize();
    }
    List<String> chainIds = ChainIds.of(config.diffIds());
    return new ImageFacts(
        manifestAt,
        configAt.getDigest(),
        config,
        manifest.layers(),
        chainIds,
        size,
        manifest.checkpoint());
  }

  /** The manifest for this node's platform behind a target. */
  private Descriptor manifest(String namespace, Descriptor target, int depth) {
    JsonObject json = document(namespace, target, "manifest");
    if (!isIndex(target, json)) {
      return target;
    }
    if (depth == 0) {
      throw Refusal.invalidArgument(
          "index " + target.getDigest() + " is nested deeper than " + INDEX_DEPTH_MAX);
    }
    ImageIndex.Entry best =
        ImageIndex.of(json).best(node).orElseThrow(() -> noPlatform(target.getDigest(), node));
    return manifest(namespace, best.descriptor(), depth - 1);
  }

  static Refusal noPlatform(String digest, Object wanted) {
    return Refusal.notFound("image index " + digest + " has no manifest for " + wanted);
  }

  static boolean isIndex(Descriptor target, JsonObject json) {
    return MediaTypes.isIndex(target.getMediaType())
        || (!MediaTypes.isManifest(target.getMediaType()) && json.has("manifests"));
  }

  JsonObject document(String namespace, Descriptor descriptor, String what) {
    Digest digest = Digest.parse(descriptor.getDigest());
    byte[] bytes = content.bytes(namespace, digest, ImageJson.DOCUMENT_BYTES_MAX);
    return ImageJson.parse(bytes, what + " " + digest);
  }
}

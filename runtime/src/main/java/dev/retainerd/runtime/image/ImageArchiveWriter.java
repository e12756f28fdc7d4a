package dev.retainerd.runtime.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.runtime.archive.TarEntry;
import dev.retainerd.runtime.archive.TarWriter;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes images as one OCI archive, blobs byte by byte as they are in content, with a {@code
 * manifest.json} beside the index for docker. The same images give the same bytes. For one thread.
 */
final class ImageArchiveWriter {
  private static final int COPY_BYTES = 128 * 1024;
  private static final int INDEX_DEPTH_MAX = 4;

  private final ContentService content;
  private final ImageDocuments documents;
  private final String namespace;
  private final TransferProgress progress;

  /** In order of digest, so that the archive does not depend on the order of asking. */
  private final Map<String, Descriptor> blobs = new TreeMap<>();

  ImageArchiveWriter(
      ContentService content,
      ImageDocuments documents,
      String namespace,
      TransferProgress progress) {
    this.content = content;
    this.documents = documents;
    this.namespace = namespace;
    this.progress = progress;
  }

  void write(List<ImageRecord> images, OutputStream out) throws IOException {
    JsonObject index = new JsonObject();
    index.addProperty("schemaVersion", 2);
    index.addProperty("mediaType", MediaTypes.OCI_INDEX);
    JsonArray manifests = new JsonArray();
    JsonArray docker = new JsonArray();
    for (ImageRecord image : images) {
      collect(image.getTarget(), INDEX_DEPTH_MAX);
      manifests.add(entry(image));
      docker(image, docker);
    }
    index.add("manifests", manifests);
    TarWriter tar = new TarWriter(out);
    folder(tar, "blobs/");
    folder(tar, "blobs/sha256/");
    for (Descriptor blob : blobs.values()) {
      blob(tar, blob);
    }
    tar.file("index.json", bytes(index.toString()));
    if (!docker.isEmpty()) {
      tar.file("manifest.json", bytes(docker.toString()));
    }
    tar.file("oci-layout", bytes("{\"imageLayoutVersion\":\"1.0.0\"}"));
    tar.finish();
  }

  private void collect(Descriptor at, int depth) {
    blobs.put(at.getDigest(), at);
    JsonObject json = documents.document(namespace, at, "manifest");
    if (!ImageDocuments.isIndex(at, json)) {
      ImageManifest manifest = ImageManifest.of(json);
      blobs.put(manifest.config().getDigest(), manifest.config());
      manifest.layers().forEach(layer -> blobs.put(layer.getDigest(), layer));
      return;
    }
    if (depth == 0) {
      throw Refusal.invalidArgument("index " + at.getDigest() + " is nested too deep");
    }
    for (ImageIndex.Entry entry : ImageIndex.of(json).manifests()) {
      // What was pulled for this node alone is exported so: the index still names the rest.
      if (content.find(namespace, Digest.parse(entry.descriptor().getDigest())).isPresent()) {
        collect(entry.descriptor(), depth - 1);
      }
    }
  }

  private static JsonObject entry(ImageRecord image) {
    JsonObject entry = new JsonObject();
    entry.addProperty("mediaType", image.getTarget().getMediaType());
    entry.addProperty("digest", image.getTarget().getDigest());
    entry.addProperty("size", image.getTarget().getSize());
    JsonObject annotations = new JsonObject();
    annotations.addProperty("io.containerd.image.name", image.getName());
    int colon = image.getName().lastIndexOf(':');
    boolean tagged = colon > image.getName().lastIndexOf('/') && image.getName().indexOf('@') < 0;
    if (tagged) {
      annotations.addProperty(
          "org.opencontainers.image.ref.name", image.getName().substring(colon + 1));
    }
    entry.add("annotations", annotations);
    return entry;
  }

  /** What docker needs to load it, for this node's platform. */
  private void docker(ImageRecord image, JsonArray into) {
    ImageFacts facts;
    try {
      facts = documents.facts(namespace, image.getTarget());
    } catch (Refusal e) {
      return; // no image of this platform: docker has no use for it
    }
    JsonObject entry = new JsonObject();
    entry.addProperty("Config", path(facts.id()));
    JsonArray tags = new JsonArray();
    if (image.getName().indexOf('@') < 0) {
      tags.add(image.getName());
    }
    entry.add("RepoTags", tags);
    JsonArray layers = new JsonArray();
    facts.layers().forEach(layer -> layers.add(path(layer.getDigest())));
    entry.add("Layers", layers);
    into.add(entry);
  }

  private static String path(String digest) {
    return "blobs/sha256/" + Digest.parse(digest).hex();
  }

  private static void folder(TarWriter tar, String name) throws IOException {
    tar.begin(TarEntry.plain(name, TarEntry.Kind.DIRECTORY, 0755, 0));
  }

  private void blob(TarWriter tar, Descriptor blob) throws IOException {
    Digest digest = Digest.parse(blob.getDigest());
    try (InputStream in = Channels.newInputStream(content.open(namespace, digest))) {
      tar.begin(TarEntry.plain(path(blob.getDigest()), TarEntry.Kind.FILE, 0444, blob.getSize()));
      byte[] buffer = new byte[COPY_BYTES];
      long left = blob.getSize();
      while (left > 0) {
        int read = in.read(buffer, 0, (int) Math.min(left, COPY_BYTES));
        if (read < 0) {
          throw new IOException("blob " + digest + " is shorter than its descriptor says");
        }
        tar.write(buffer, 0, read);
        left -= read;
      }
    }
    progress.tell(TransferProgress.Event.DONE, "layer", blob, blob.getSize());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}

package dev.retainerd.runtime.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.Compression;
import dev.retainerd.runtime.archive.TarEntry;
import dev.retainerd.runtime.archive.TarReader;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Reads an archive of images from front to back, once, keeping its blobs as content: OCI layouts
 * and what docker saves, plain or compressed. For one thread, one archive.
 */
public final class ImageArchiveReader {
  private static final Pattern BLOB = Pattern.compile("blobs/sha256/[0-9a-f]{64}");
  private static final int COPY_BYTES = 128 * 1024;
  private static final int FILES_MAX = 20_000;
  private static final int LINKS_MAX = 8;
  private static final String CONTAINERD_NAME = "io.containerd.image.name";
  private static final String OCI_NAME = "org.opencontainers.image.ref.name";
  private static final String DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

  /**
   * How images are named.
   *
   * @param base goes before a tag that stands alone; "" for {@code import}
   * @param digests whether to name each by its digest too
   */
  public record Naming(String base, boolean digests) {}

  /** An image of the archive. */
  record Found(String name, Descriptor target) {}

  private final ContentService content;
  private final Scope scope;
  private final PlatformChoice platforms;
  private final TransferProgress progress;
  private final Map<String, byte[]> documents = new HashMap<>();
  private final Map<String, Descriptor> files = new HashMap<>();
  private final Map<String, String> links = new HashMap<>();

  /**
   * @param platforms what the images of the archive hold on to; its other blobs are read as well,
   *     since they may stand before the index that says what they are, and are garbage afterwards
   */
  ImageArchiveReader(
      ContentService content, Scope scope, PlatformChoice platforms, TransferProgress progress) {
    this.content = content;
    this.scope = scope;
    this.platforms = platforms;
    this.progress = progress;
  }

  List<Found> read(InputStream archive, Naming naming) throws IOException {
    InputStream plain = new BufferedInputStream(Compression.decompress(archive), COPY_BYTES);
    TarReader tar = new TarReader(plain);
    int count = 0;
    for (Optional<TarEntry> entry = tar.next(); entry.isPresent(); entry = tar.next()) {
      if (++count > FILES_MAX) {
        throw Refusal.resourceExhausted("the archive has more than " + FILES_MAX + " files");
      }
      entry(tar, entry.get());
    }
    List<Found> found = documents.containsKey("index.json") ? oci(naming) : docker(naming);
    if (found.isEmpty()) {
      throw Refusal.invalidArgument("the archive holds no image");
    }
    return found;
  }

  private void entry(TarReader tar, TarEntry entry) throws IOException {
    String path = entry.name().replaceFirst("^(\\./)+", "");
    switch (entry.kind()) {
      case SYMLINK -> links.put(path, relative(path, entry.link()));
      case HARDLINK -> links.put(path, relative("", entry.link()));
      case FILE -> {
        if (BLOB.matcher(path).matches()) {
          Digest digest = new Digest(path.substring("blobs/sha256/".length()));
          files.put(path, blob(tar, entry.size(), Optional.of(digest), path));
        } else if (path.endsWith(".json") || path.equals("oci-layout")) {
          documents.put(path, tar.readAll(ImageJson.DOCUMENT_BYTES_MAX));
        } else if (path.endsWith(".tar") || path.endsWith(".tar.gz")) {
          files.put(path, blob(tar, entry.size(), Optional.empty(), path));
        }
      }
      default -> {}
    }
  }

  private static String relative(String path, String link) {
    java.nio.file.Path to = java.nio.file.Path.of(link);
    java.nio.file.Path folder = java.nio.file.Path.of("/" + path).getParent();
    java.nio.file.Path whole =
        (folder == null ? java.nio.file.Path.of("/") : folder).resolve(to).normalize();
    return whole.toString().substring(1);
  }

  /** Keeps one file; its media type tells whether it is compressed. */
  private Descriptor blob(TarReader tar, long size, Optional<Digest> expected, String path)
      throws IOException {
    if (expected.isPresent() && content.adopt(scope, expected.get(), Map.of())) {
      Descriptor known = descriptor(expected.get().toString(), size, "");
      progress.tell(TransferProgress.Event.EXISTS, "layer", known, size);
      return known;
    }
    byte[] first = new byte[4];
    int began = 0;
    String ref = "import-" + expected.map(Digest::toString).orElse(UUID.randomUUID().toString());
    try (ContentWriter writer = content.write(scope.namespace(), ref, size, expected)) {
      boolean done = false;
      try {
        writer.truncate();
        byte[] buffer = new byte[COPY_BYTES];
        long left = size;
        while (left > 0) {
          int read = tar.read(buffer, 0, (int) Math.min(left, COPY_BYTES));
          for (int i = 0; i < read && began < first.length; i++) {
            first[began++] = buffer[i];
          }
          writer.write(ByteBuffer.wrap(buffer, 0, read));
          left -= read;
        }
        Digest digest = commit(writer, size, expected, path);
        done = true;
        boolean gzip = Compression.of(first, began) == Compression.GZIP;
        Descriptor made =
            descriptor(digest.toString(), size, gzip ? DOCKER_LAYER + ".gzip" : DOCKER_LAYER);
        progress.tell(TransferProgress.Event.COMPLETE, "layer", made, size);
        return made;
      } finally {
        if (!done) {
          writer.abort();
        }
      }
    }
  }

  private Digest commit(ContentWriter writer, long size, Optional<Digest> expected, String path) {
    Digest digest = writer.digest();
    try {
      return writer.commit(scope, size, expected, Map.of());
    } catch (Refusal e) {
      if (e.is(Refusal.Code.ALREADY_EXISTS)) {
        content.adopt(scope, digest, Map.of());
        return digest;
      }
      if (e.is(Refusal.Code.FAILED_PRECONDITION)) {
        throw Refusal.invalidArgument(
                "file "
                    + TarEntry.plain(path, TarEntry.Kind.FILE, 0, 0).shown()
                    + " of the archive is not what its name says: its digest is "
                    + digest)
            .because(e);
      }
      throw e;
    }
  }

  private static Descriptor descriptor(String digest, long size, String type) {
    return Descriptor.newBuilder().setDigest(digest).setSize(size).setMediaType(type).build();
  }

  private List<Found> oci(Naming naming) {
    JsonObject index = ImageJson.parse(documents.get("index.json"), "index.json of the archive");
    List<ImageIndex.Entry> entries = ImageIndex.of(index).manifests();
    List<Found> found = new ArrayList<>();
    for (ImageIndex.Entry entry : entries) {
      Descriptor named = entry.descriptor();
      Descriptor target = named.toBuilder().clearAnnotations().build();
      if (!platforms.takes(entry) || !label(target, true, 0)) {
        continue;
      }
      String name = name(named, naming);
      found.add(new Found(name, target));
      String digested = base(naming) + "@" + target.getDigest();
      if (naming.digests() && !name.equals(digested)) {
        found.add(new Found(digested, target));
      }
    }
    if (found.isEmpty() && !entries.isEmpty()) {
      throw Refusal.notFound("the archive holds nothing for " + platforms);
    }
    return found;
  }

  private static String base(Naming naming) {
    return naming.base().isEmpty() ? "import" : naming.base();
  }

  private static String name(Descriptor target, Naming naming) {
    String full = target.getAnnotationsOrDefault(CONTAINERD_NAME, "");
    if (!full.isEmpty()) {
      return full;
    }
    String tag = target.getAnnotationsOrDefault(OCI_NAME, "");
    if (tag.isEmpty()) {
      return base(naming) + "@" + target.getDigest();
    }
    return tag.indexOf('/') >= 0 || tag.indexOf(':') >= 0 ? tag : base(naming) + ":" + tag;
  }

  /**
   * Lets an index or manifest hold what it names and what is wanted of it, as far as it is there.
   *
   * @param whole whether a manifest's layers are wanted
   * @return false for an index that has nothing that is wanted
   */
  private boolean label(Descriptor at, boolean whole, int depth) {
    Digest digest = Digest.parse(at.getDigest());
    if (depth > 4 || content.find(scope.namespace(), digest).isEmpty()) {
      return true;
    }
    byte[] bytes = content.bytes(scope.namespace(), digest, ImageJson.DOCUMENT_BYTES_MAX);
    JsonObject json = ImageJson.parse(bytes, "manifest " + digest);
    Map<String, String> labels = new TreeMap<>();
    if (ImageDocuments.isIndex(at, json)) {
      int number = 0;
      for (PlatformChoice.Taken one : platforms.of(ImageIndex.of(json))) {
        if (label(one.entry().descriptor(), one.whole(), depth + 1)) {
          labels.put(GcLabels.manifest(number++), one.entry().descriptor().getDigest());
        }
      }
      if (number == 0) {
        return false;
      }
    } else {
      labels.putAll(labels(ImageManifest.of(json), whole));
    }
    content.adopt(scope, digest, labels);
    return true;
  }

  private static Map<String, String> labels(ImageManifest manifest, boolean whole) {
    Map<String, String> labels = new TreeMap<>();
    labels.put(GcLabels.CONFIG, manifest.config().getDigest());
    for (int i = 0; whole && i < manifest.layers().size(); i++) {
      labels.put(GcLabels.layer(i), manifest.layers().get(i).getDigest());
    }
    return labels;
  }

  private List<Found> docker(Naming naming) {
    byte[] list = documents.get("manifest.json");
    if (list == null) {
      throw Refusal.invalidArgument(
          "this is no archive of images: it has neither index.json nor manifest.json");
    }
    List<Found> found = new ArrayList<>();
    for (JsonElement one : array(list)) {
      if (!one.isJsonObject()) {
        throw Refusal.invalidArgument("manifest.json of the archive is no list of objects");
      }
      Descriptor target = dockerManifest(one.getAsJsonObject());
      for (String tag : ImageJson.texts(one.getAsJsonObject(), "RepoTags")) {
        found.add(
            new Found(dev.retainerd.runtime.registry.Reference.normalized(tag).toString(), target));
      }
      if (naming.digests()) {
        found.add(new Found(base(naming) + "@" + target.getDigest(), target));
      }
    }
    return found;
  }

  private static JsonArray array(byte[] bytes) {
    try {
      JsonElement json = JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8));
      if (json.isJsonArray()) {
        return json.getAsJsonArray();
      }
    } catch (JsonParseException | StackOverflowError e) {
      throw Refusal.invalidArgument("manifest.json of the archive is no valid JSON").because(e);
    }
    throw Refusal.invalidArgument("manifest.json of the archive is not a list");
  }

  /** Docker's archives have no manifest of an image: it is made of what they say. */
  private Descriptor dockerManifest(JsonObject json) {
    String configPath = ImageJson.text(json, "Config");
    byte[] config = documents.get(configPath);
    Descriptor kept = files.get(resolved(configPath));
    if (config == null && kept != null) {
      Digest digest = Digest.parse(kept.getDigest());
      config = content.bytes(scope.namespace(), digest, ImageJson.DOCUMENT_BYTES_MAX);
    }
    if (config == null) {
      throw Refusal.invalidArgument("the archive lacks the config \"" + configPath + "\"");
    }
    JsonObject manifest = new JsonObject();
    manifest.addProperty("schemaVersion", 2);
    manifest.addProperty("mediaType", MediaTypes.DOCKER_MANIFEST);
    Digest configDigest = content.put(scope, config, Map.of());
    manifest.add("config", entry(configDigest.toString(), config.length, MediaTypes.DOCKER_CONFIG));
    JsonArray layers = new JsonArray();
    for (String path : ImageJson.texts(json, "Layers")) {
      Descriptor layer = files.get(resolved(path));
      if (layer == null) {
        throw Refusal.invalidArgument("the archive lacks the layer \"" + path + "\"");
      }
      String type = layer.getMediaType().isEmpty() ? DOCKER_LAYER + ".gzip" : layer.getMediaType();
      layers.add(entry(layer.getDigest(), layer.getSize(), type));
    }
    manifest.add("layers", layers);
    byte[] bytes = manifest.toString().getBytes(StandardCharsets.UTF_8);
    Digest digest = content.put(scope, bytes, labels(ImageManifest.of(manifest), true));
    return descriptor(digest.toString(), bytes.length, MediaTypes.DOCKER_MANIFEST);
  }

  private String resolved(String path) {
    String at = path;
    for (int hops = 0; hops < LINKS_MAX && links.containsKey(at); hops++) {
      at = links.get(at);
    }
    return at;
  }

  private static JsonObject entry(String digest, long size, String type) {
    JsonObject entry = new JsonObject();
    entry.addProperty("mediaType", type);
    entry.addProperty("size", size);
    entry.addProperty("digest", digest);
    return entry;
  }
}

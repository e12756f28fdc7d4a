package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.types.Descriptor;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * Reads an OCI or docker archive once from front to back, storing its blobs in the daemon as they
 * come by, and tells which images it holds. Nothing is written to the local disk.
 */
final class Importer {
  private static final int DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
  private static final String CONTAINERD_NAME = "io.containerd.image.name";
  private static final String OCI_NAME = "org.opencontainers.image.ref.name";

  private final Session session;
  private final Names names;
  private final PlatformWish platforms;
  private final boolean compress;
  private final Blobs blobs;

  /** Documents at the archive's top, and docker's image configs, by path. */
  private final Map<String, byte[]> documents = new HashMap<>();

  /** What docker archives hold by path: layers. The value is what the store made of them. */
  private final Map<String, Descriptor> files = new HashMap<>();

  /** Links from path to path. */
  private final Map<String, String> links = new HashMap<>();

  /**
   * How images that the archive names only by a tag, or not at all, are called.
   *
   * @param digests whether each is called by its digest, too
   * @param unnamedDigests whether that is only for those that have no name in the archive
   */
  record Names(String base, String index, boolean digests, boolean unnamedDigests) {}

  /**
   * How to read the archive.
   *
   * @param platforms what the images hold on to; the rest of the archive is garbage afterwards
   * @param compress whether plain layers of a docker archive are compressed
   */
  Importer(Session session, Names names, PlatformWish platforms, boolean compress) {
    this.session = session;
    this.names = names;
    this.platforms = platforms;
    this.compress = compress;
    this.blobs = new Blobs(session);
  }

  /** Stores the archive's blobs; {@code label} names it in messages. */
  List<Image> read(InputStream in, String label) throws IOException {
    try (TarArchiveInputStream tar = new TarArchiveInputStream(plain(in))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        entry(tar, entry);
      }
    } catch (IOException e) {
      throw CommandFailure.of(label + " is no whole tar archive: " + e.getMessage(), e);
    }
    List<Image> images = documents.containsKey("index.json") ? fromIndex() : fromDocker(label);
    if (images.isEmpty()) {
      throw CommandFailure.of(
          label
              + " holds no image that fits: look at its index.json, leave --base-name out, or name another --platform");
    }
    return images;
  }

  private static InputStream plain(InputStream in) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in, 1 << 16);
    buffered.mark(2);
    boolean gzip = buffered.read() == 0x1f && buffered.read() == 0x8b;
    buffered.reset();
    return gzip ? new GZIPInputStream(buffered, 1 << 16) : buffered;
  }

  private void entry(TarArchiveInputStream tar, TarArchiveEntry entry) throws IOException {
    String path = entry.getName().replaceFirst("^(\\./)+", "");
    if (entry.isSymbolicLink() || entry.isLink()) {
      links.put(path, target(path, entry));
    } else if (!entry.isFile()) {
      return;
    } else if (path.matches("blobs/sha256/[0-9a-f]{64}")) {
      String digest = "sha256:" + path.substring("blobs/sha256/".length());
      blobs.write("import-" + digest, tar, entry.getSize(), digest, Map.of());
      files.put(path, Descriptor.newBuilder().setDigest(digest).setSize(entry.getSize()).build());
    } else if (path.endsWith(".json") || path.equals("oci-layout")) {
      if (entry.getSize() > DOCUMENT_BYTES_MAX) {
        throw CommandFailure.of(path + " in the archive is too large for a manifest");
      }
      documents.put(path, tar.readAllBytes());
    } else if (path.endsWith(".tar") || path.endsWith(".tar.gz")) {
      files.put(path, layer(path, tar, entry.getSize()));
    }
  }

  private static String target(String path, TarArchiveEntry entry) {
    java.nio.file.Path link = java.nio.file.Path.of(entry.getLinkName());
    if (entry.isLink()) {
      return link.normalize().toString();
    }
    java.nio.file.Path folder = java.nio.file.Path.of(path).getParent();
    return (folder == null ? link : folder.resolve(link)).normalize().toString();
  }

  private Descriptor layer(String path, InputStream in, long size) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in, 1 << 16);
    buffered.mark(2);
    boolean gzip = buffered.read() == 0x1f && buffered.read() == 0x8b;
    buffered.reset();
    if (!gzip && compress) {
      return compressed(path, buffered);
    }
    String digest = blobs.write("import-" + path, buffered, size, "", Map.of());
    return Descriptor.newBuilder()
        .setMediaType(gzip ? Manifests.DOCKER_LAYER_GZIP : Manifests.DOCKER_LAYER)
        .setDigest(digest)
        .setSize(size)
        .build();
  }

  private Descriptor compressed(String path, InputStream plain) throws IOException {
    try (PipedInputStream packed = new PipedInputStream(1 << 16)) {
      PipedOutputStream into = new PipedOutputStream(packed);
      IOException[] fault = new IOException[1];
      Thread packer =
          Thread.ofPlatform()
              .daemon(true)
              .name("compress")
              .start(
                  () -> {
                    try (OutputStream gzip = new GZIPOutputStream(into, 1 << 16)) {
                      plain.transferTo(gzip);
                    } catch (IOException e) {
                      fault[0] = e;
                    }
                  });
      String digest = blobs.write("import-" + path, packed, 0, "", Map.of());
      packer.join();
      if (fault[0] != null) {
        throw fault[0];
      }
      return Descriptor.newBuilder()
          .setMediaType(Manifests.DOCKER_LAYER_GZIP)
          .setDigest(digest)
          .setSize(blobs.info(digest).orElseThrow().getSize())
          .build();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandFailure.of("the import was interrupted", e);
    }
  }

  private List<Image> fromIndex() throws IOException {
    byte[] bytes = documents.get("index.json");
    JsonObject index = object(bytes, "index.json");
    List<Image> images = new ArrayList<>();
    for (JsonElement one : Manifests.members(index, "manifests")) {
      Descriptor target = Manifests.descriptor(one.getAsJsonObject());
      Optional<String> name = name(target);
      if (name.isEmpty() || !platforms.mayFit(one.getAsJsonObject())) {
        continue;
      }
      label(target);
      Descriptor plain = target.toBuilder().clearAnnotations().build();
      images.add(image(name.get(), plain));
      boolean named =
          !target.getAnnotationsOrDefault(CONTAINERD_NAME, "").isEmpty()
              || !target.getAnnotationsOrDefault(OCI_NAME, "").isEmpty();
      if (names.digests() && !(named && names.unnamedDigests())) {
        images.add(image(baseName() + "@" + target.getDigest(), plain));
      }
    }
    if (!names.index().isEmpty()) {
      String digest = Manifests.sha256(bytes);
      blobs.write(
          "import-" + digest,
          new ByteArrayInputStream(bytes),
          bytes.length,
          digest,
          Manifests.gcLabels(index, platforms));
      images.add(
          image(
              names.index(),
              Descriptor.newBuilder()
                  .setMediaType(Manifests.OCI_INDEX)
                  .setDigest(digest)
                  .setSize(bytes.length)
                  .build()));
    }
    return images;
  }

  /** Labels an index or manifest and what is below it, so that the collector keeps it all. */
  private void label(Descriptor target) {
    boolean document =
        Manifests.isIndex(target.getMediaType()) || Manifests.isManifest(target.getMediaType());
    if (!document || blobs.info(target.getDigest()).isEmpty()) {
      return;
    }
    JsonObject tree = blobs.document(target.getDigest());
    blobs.label(target.getDigest(), Manifests.gcLabels(tree, platforms));
    Manifests.children(tree, platforms).forEach(this::label);
  }

  private Optional<String> name(Descriptor target) {
    String full = target.getAnnotationsOrDefault(CONTAINERD_NAME, "");
    String tag = target.getAnnotationsOrDefault(OCI_NAME, "");
    if (!full.isEmpty()) {
      return Optional.of(full).filter(name -> name.startsWith(names.base()));
    }
    if (tag.isEmpty()) {
      return names.digests() || names.base().isEmpty()
          ? Optional.of(baseName() + "@" + target.getDigest())
          : Optional.of(names.base() + ":latest");
    }
    if (tag.contains("/") || tag.contains(":")) {
      return Optional.of(familiar(tag)).filter(name -> name.startsWith(names.base()));
    }
    return Optional.of(baseName() + ":" + tag);
  }

  private String baseName() {
    return names.base().isEmpty() ? "import-" + LocalDate.now() : names.base();
  }

  private List<Image> fromDocker(String label) throws IOException {
    byte[] bytes = documents.get("manifest.json");
    if (bytes == null) {
      throw CommandFailure.of(
          label
              + " is neither an OCI archive nor a docker archive: it has no index.json and no"
              + " manifest.json");
    }
    List<Image> images = new ArrayList<>();
    for (JsonElement one : array(bytes)) {
      JsonObject tree = one.getAsJsonObject();
      Descriptor manifest = dockerManifest(tree);
      for (JsonElement tag : Manifests.members(tree, "RepoTags")) {
        String name = familiar(tag.getAsString());
        if (name.startsWith(names.base())) {
          images.add(image(name, manifest));
        }
      }
      boolean named = !Manifests.members(tree, "RepoTags").isEmpty();
      if (names.digests() && !(named && names.unnamedDigests())) {
        images.add(image(baseName() + "@" + manifest.getDigest(), manifest));
      }
    }
    return images;
  }

  private Descriptor dockerManifest(JsonObject tree) throws IOException {
    String configPath = Manifests.text(tree, "Config");
    byte[] config = documents.get(configPath);
    JsonObject manifest = new JsonObject();
    manifest.addProperty("schemaVersion", 2);
    manifest.addProperty("mediaType", Manifests.DOCKER_MANIFEST);
    if (config == null) {
      throw CommandFailure.of("the archive names a config " + configPath + " that it lacks");
    }
    manifest.add("config", stored(config, Manifests.DOCKER_CONFIG, Map.of()));
    JsonArray layers = new JsonArray();
    for (JsonElement path : Manifests.members(tree, "Layers")) {
      Descriptor layer = files.get(resolved(path.getAsString()));
      if (layer == null) {
        throw CommandFailure.of("the archive names a layer " + path.getAsString() + " it lacks");
      }
      layers.add(entry(layer));
    }
    manifest.add("layers", layers);
    byte[] text = manifest.toString().getBytes(StandardCharsets.UTF_8);
    return Manifests.descriptor(
        stored(text, Manifests.DOCKER_MANIFEST, Manifests.gcLabels(manifest)));
  }

  private String resolved(String path) {
    String at = path;
    for (int hops = 0; hops < 8 && links.containsKey(at); hops++) {
      at = links.get(at);
    }
    return at;
  }

  private JsonObject stored(byte[] bytes, String mediaType, Map<String, String> labels)
      throws IOException {
    String digest = Manifests.sha256(bytes);
    blobs.write("import-" + digest, new ByteArrayInputStream(bytes), bytes.length, digest, labels);
    return entry(
        Descriptor.newBuilder()
            .setMediaType(mediaType)
            .setDigest(digest)
            .setSize(bytes.length)
            .build());
  }

  private static JsonObject entry(Descriptor descriptor) {
    JsonObject tree = new JsonObject();
    tree.addProperty("mediaType", descriptor.getMediaType());
    tree.addProperty("digest", descriptor.getDigest());
    tree.addProperty("size", descriptor.getSize());
    return tree;
  }

  private static Image image(String name, Descriptor target) {
    return Image.newBuilder().setName(name).setTarget(target).build();
  }

  /** {@code busybox} means {@code docker.io/library/busybox:latest}. */
  static String familiar(String name) {
    int slash = name.indexOf('/');
    String first = slash < 0 ? "" : name.substring(0, slash);
    boolean host = first.contains(".") || first.contains(":") || first.equals("localhost");
    String full = host ? name : slash < 0 ? "docker.io/library/" + name : "docker.io/" + name;
    boolean tagged = full.substring(full.lastIndexOf('/')).contains(":") || full.contains("@");
    return tagged ? full : full + ":latest";
  }

  private static JsonObject object(byte[] bytes, String what) {
    try {
      return JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8)).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw CommandFailure.of(what + " in the archive is no JSON object", e);
    }
  }

  private static JsonArray array(byte[] bytes) {
    try {
      return JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8)).getAsJsonArray();
    } catch (JsonParseException | IllegalStateException e) {
      throw CommandFailure.of("manifest.json in the archive is no JSON array", e);
    }
  }
}

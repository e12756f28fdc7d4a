package dev.retainerd.bench.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** The documents of an OCI image (image-spec 1.0), as small as they may be. */
final class OciJson {
  static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
  private static final String CONFIG = "application/vnd.oci.image.config.v1+json";

  private OciJson() {}

  /** The config of an image that sleeps; {@code diffIds} are the digests of unpacked layers. */
  static byte[] config(List<String> diffIds) {
    JsonObject run = new JsonObject();
    run.add(
        "Env", array(List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")));
    run.add("Cmd", array(List.of("/bin/sleep", "2147483647")));
    run.addProperty("WorkingDir", "/");
    JsonObject rootfs = new JsonObject();
    rootfs.addProperty("type", "layers");
    rootfs.add("diff_ids", array(diffIds));
    JsonObject config = new JsonObject();
    config.addProperty("created", "1970-01-01T00:00:00Z");
    config.addProperty("architecture", "amd64");
    config.addProperty("os", "linux");
    config.add("config", run);
    config.add("rootfs", rootfs);
    return bytes(config.toString());
  }

  /** The manifest that names a config and layers. */
  static byte[] manifest(byte[] config, List<JsonObject> layers) {
    JsonArray list = new JsonArray();
    layers.forEach(list::add);
    JsonObject manifest = new JsonObject();
    manifest.addProperty("schemaVersion", 2);
    manifest.addProperty("mediaType", MANIFEST);
    manifest.add("config", descriptor(CONFIG, digest(config), config.length));
    manifest.add("layers", list);
    return bytes(manifest.toString());
  }

  /** The index of an archive with one image under {@code reference}. */
  static byte[] index(byte[] manifest, String reference) {
    JsonObject named = descriptor(MANIFEST, digest(manifest), manifest.length);
    JsonObject annotations = new JsonObject();
    annotations.addProperty("io.containerd.image.name", reference);
    annotations.addProperty(
        "org.opencontainers.image.ref.name", reference.substring(reference.lastIndexOf(':') + 1));
    named.add("annotations", annotations);
    JsonArray manifests = new JsonArray();
    manifests.add(named);
    JsonObject index = new JsonObject();
    index.addProperty("schemaVersion", 2);
    index.add("manifests", manifests);
    return bytes(index.toString());
  }

  static JsonObject descriptor(String mediaType, String digest, long size) {
    JsonObject descriptor = new JsonObject();
    descriptor.addProperty("mediaType", mediaType);
    descriptor.addProperty("digest", digest);
    descriptor.addProperty("size", size);
    return descriptor;
  }

  static String digest(byte[] blob) {
    return "sha256:" + hex(blob);
  }

  static String hex(byte[] blob) {
    return HexFormat.of().formatHex(sha256().digest(blob));
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static JsonArray array(List<String> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }
}

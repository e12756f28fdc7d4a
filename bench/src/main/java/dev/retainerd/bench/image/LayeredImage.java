package dev.retainerd.bench.image;

import com.google.gson.JsonObject;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * An image of a wanted size and number of layers, for pulls. A quarter of each file can be
 * compressed, as in images of the field; the same sizes give the same bytes.
 *
 * @param blobs digest (with its {@code sha256:}) and file of each layer
 * @param config the image's config
 * @param manifest its manifest
 */
public record LayeredImage(List<Blob> blobs, byte[] config, byte[] manifest) {
  private static final int FILE_BYTES_MAX = 256 << 10;

  /** A layer, compressed. */
  public record Blob(String digest, Path file) {}

  /** Writes the layers into {@code folder}; their sizes add up to about {@code bytes}. */
  public static LayeredImage make(Path folder, int layers, long bytes) throws IOException {
    Files.createDirectories(folder);
    List<Blob> blobs = new ArrayList<>();
    List<String> diffIds = new ArrayList<>();
    List<JsonObject> descriptors = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      Path file = folder.resolve("layer-" + i);
      MessageDigest plain = OciJson.sha256();
      MessageDigest zipped = OciJson.sha256();
      try (OutputStream out =
              new DigestOutputStream(
                  new BufferedOutputStream(Files.newOutputStream(file)), zipped);
          OutputStream zip = new DigestOutputStream(new FastGzip(out), plain)) {
        fill(new Tar(zip), i, bytes / layers);
      }
      String digest = "sha256:" + HexFormat.of().formatHex(zipped.digest());
      blobs.add(new Blob(digest, file));
      diffIds.add("sha256:" + HexFormat.of().formatHex(plain.digest()));
      descriptors.add(OciJson.descriptor(OciJson.LAYER, digest, Files.size(file)));
    }
    byte[] config = OciJson.config(diffIds);
    return new LayeredImage(blobs, config, OciJson.manifest(config, descriptors));
  }

  /** What a pull has to fetch, in bytes. */
  public long size() throws IOException {
    long size = config.length;
    for (Blob blob : blobs) {
      size += Files.size(blob.file());
    }
    return size;
  }

  /** Digest of the config. */
  public String configDigest() {
    return OciJson.digest(config);
  }

  /** Its media type. */
  public static String manifestType() {
    return OciJson.MANIFEST;
  }

  /** Writes an OCI archive in which the image is called {@code reference}. */
  public void writeArchive(String reference, Path target) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(target))) {
      Tar tar = new Tar(out);
      tar.file("oci-layout", 0644, OciJson.bytes("{\"imageLayoutVersion\":\"1.0.0\"}"));
      tar.folder("blobs", 0755);
      tar.folder("blobs/sha256", 0755);
      tar.file("blobs/sha256/" + OciJson.hex(config), 0644, config);
      tar.file("blobs/sha256/" + OciJson.hex(manifest), 0644, manifest);
      for (Blob blob : blobs) {
        tar.file("blobs/" + blob.digest().replace(':', '/'), 0644, blob.file());
      }
      tar.file("index.json", 0644, OciJson.index(manifest, reference));
      tar.end();
    }
  }

  /** Three quarters of each file are random, so that they weigh zipped what they weigh plain. */
  private static void fill(Tar tar, int layer, long zippedBytes) throws IOException {
    Random random = new Random(layer);
    tar.folder("layer-" + layer, 0755);
    int size = (int) Math.clamp(zippedBytes / 8, 1024, FILE_BYTES_MAX);
    byte[] content = new byte[size];
    for (int i = 0; (long) i * size * 3 / 4 < zippedBytes; i++) {
      random.nextBytes(content);
      Arrays.fill(content, size * 3 / 4, size, (byte) 'x');
      tar.file("layer-" + layer + "/file-" + i, 0644, content);
    }
    tar.end();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LayeredImage that && Arrays.equals(manifest, that.manifest);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(manifest);
  }

  @Override
  public String toString() {
    return "image " + OciJson.digest(manifest);
  }

  /** The making of the image is not what is measured. */
  private static final class FastGzip extends GZIPOutputStream {
    FastGzip(OutputStream out) throws IOException {
      super(out, 64 << 10);
      def.setLevel(Deflater.BEST_SPEED);
    }
  }
}

package dev.retainerd.runtime.image;

import dev.retainerd.runtime.content.Digest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/** An image made for a test: its blobs, its config and its manifest. */
final class TestImage {
  final List<byte[]> layers = new ArrayList<>();
  final List<String> diffIds = new ArrayList<>();
  private final String os;

  TestImage() {
    this("linux");
  }

  TestImage(String os) {
    this.os = os;
  }

  /** Adds a layer, compressed by gzip at its fastest. */
  TestImage layer(byte[] tar) {
    layers.add(gzip(tar));
    diffIds.add(Digest.of(tar).toString());
    return this;
  }

  byte[] config() {
    String ids = String.join(",", diffIds.stream().map(id -> "\"" + id + "\"").toList());
    return ("{\"os\":\""
            + os
            + "\",\"architecture\":\"amd64\",\"config\":{\"User\":\"7\","
            + "\"Cmd\":[\"/bin/true\"],\"Env\":[\"A=b\"]},\"rootfs\":{\"type\":\"layers\","
            + "\"diff_ids\":["
            + ids
            + "]}}")
        .getBytes(StandardCharsets.UTF_8);
  }

  byte[] manifest() {
    List<String> entries = new ArrayList<>();
    for (byte[] layer : layers) {
      entries.add(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer));
    }
    return ("{\"schemaVersion\":2,\"mediaType\":\""
            + MediaTypes.OCI_MANIFEST
            + "\",\"config\":"
            + descriptor(MediaTypes.OCI_CONFIG, config())
            + ",\"layers\":["
            + String.join(",", entries)
            + "]}")
        .getBytes(StandardCharsets.UTF_8);
  }

  String id() {
    return Digest.of(config()).toString();
  }

  static String descriptor(String type, byte[] blob) {
    return "{\"mediaType\":\""
        + type
        + "\",\"digest\":\""
        + Digest.of(blob)
        + "\",\"size\":"
        + blob.length
        + "}";
  }

  static byte[] gzip(byte[] plain) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip =
        new GZIPOutputStream(out) {
          {
            def.setLevel(Deflater.BEST_SPEED);
          }
        }) {
      gzip.write(plain);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }
}

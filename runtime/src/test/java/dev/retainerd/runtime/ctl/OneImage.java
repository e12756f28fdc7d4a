package dev.retainerd.runtime.ctl;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** An image of the host's static busybox, as an OCI archive and as a docker archive. */
final class OneImage {

  private OneImage() {}

  private static byte[] layer() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (String folder : new String[] {"bin/", "etc/", "proc/", "sys/", "dev/", "tmp/"}) {
        tar.putArchiveEntry(dated(new TarArchiveEntry(folder)));
        tar.closeArchiveEntry();
      }
      put(tar, "bin/busybox", Files.readAllBytes(Path.of("/bin/busybox")));
      for (String tool : "sh echo cat sleep true false id env".split(" ")) {
        TarArchiveEntry link = new TarArchiveEntry("bin/" + tool, TarArchiveEntry.LF_SYMLINK);
        link.setLinkName("busybox");
        tar.putArchiveEntry(dated(link));
        tar.closeArchiveEntry();
      }
    }
    return bytes.toByteArray();
  }

  /** Both archives hold the same layer, whenever they are made. */
  private static TarArchiveEntry dated(TarArchiveEntry entry) {
    entry.setModTime(1_700_000_000_000L);
    return entry;
  }

  private static void put(TarArchiveOutputStream tar, String name, byte[] bytes)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(bytes.length);
    entry.setMode(0755);
    tar.putArchiveEntry(dated(entry));
    tar.write(bytes);
    tar.closeArchiveEntry();
  }

  private static String digest(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] config(byte[] layer) {
    return """
        {"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"],
        "StopSignal":"SIGTERM"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}
        """
        .formatted(digest(layer))
        .getBytes(StandardCharsets.UTF_8);
  }

  static void oci(Path file, String name) throws IOException {
    byte[] layer = layer();
    byte[] config = config(layer);
    byte[] manifest =
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json",
        "digest":"sha256:%s","size":%d},
        "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",
        "digest":"sha256:%s","size":%d}]}
        """
            .formatted(digest(config), config.length, digest(layer), layer.length)
            .getBytes(StandardCharsets.UTF_8);
    String index =
        """
        {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "digest":"sha256:%s","size":%d,"annotations":{"io.containerd.image.name":"%s"}}]}
        """
            .formatted(digest(manifest), manifest.length, name);
    try (OutputStream out = Files.newOutputStream(file);
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out)) {
      tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
      put(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.UTF_8));
      put(tar, "index.json", index.getBytes(StandardCharsets.UTF_8));
      for (byte[] blob : new byte[][] {config, manifest, layer}) {
        put(tar, "blobs/sha256/" + digest(blob), blob);
      }
    }
  }

  static void docker(Path file, String tag) throws IOException {
    byte[] layer = layer();
    String manifest =
        "[{\"Config\":\"c.json\",\"RepoTags\":[\"" + tag + "\"],\"Layers\":[\"layer.tar\"]}]";
    try (OutputStream out = Files.newOutputStream(file);
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out)) {
      put(tar, "layer.tar", layer);
      put(tar, "c.json", config(layer));
      put(tar, "manifest.json", manifest.getBytes(StandardCharsets.UTF_8));
    }
  }
}

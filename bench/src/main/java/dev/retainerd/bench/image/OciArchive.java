package dev.retainerd.bench.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;

/**
 * An OCI image archive of one layer, made from a static busybox: what a registry would give for a
 * busybox image, but without a network. The same busybox gives the same bytes, and so the same
 * digests.
 */
public final class OciArchive {
  /** Applets that the image has names for; busybox itself knows all the others too. */
  private static final List<String> APPLETS =
      List.of(
          "sh",
          "echo",
          "true",
          "false",
          "sleep",
          "cat",
          "date",
          "ls",
          "ps",
          "kill",
          "seq",
          "env",
          "id",
          "hostname",
          "ip",
          "ping",
          "wget",
          "nc",
          "stat",
          "wc",
          "head",
          "tail",
          "grep",
          "dd",
          "mount",
          "touch",
          "mkdir",
          "rm",
          "test",
          "printf",
          "stty",
          "tty",
          "uname",
          "nslookup");

  private OciArchive() {}

  /**
   * Writes the archive to {@code target}.
   *
   * @param busybox a statically linked busybox
   * @param reference the image's full name, such as {@code docker.io/library/busybox:1}
   * @return the digest of the image's manifest
   * @throws IOException when busybox can't be read or the target can't be written
   */
  public static String write(Path busybox, String reference, Path target) throws IOException {
    byte[] layer = layer(Files.readAllBytes(busybox));
    byte[] zipped = gzip(layer);
    byte[] config = OciJson.config(List.of(OciJson.digest(layer)));
    byte[] manifest =
        OciJson.manifest(
            config,
            List.of(OciJson.descriptor(OciJson.LAYER, OciJson.digest(zipped), zipped.length)));

    Map<String, byte[]> blobs = new TreeMap<>();
    for (byte[] blob : List.of(zipped, config, manifest)) {
      blobs.put(OciJson.hex(blob), blob);
    }
    try (OutputStream out = Files.newOutputStream(target)) {
      Tar tar = new Tar(out);
      tar.file("oci-layout", 0644, OciJson.bytes("{\"imageLayoutVersion\":\"1.0.0\"}"));
      tar.folder("blobs", 0755);
      tar.folder("blobs/sha256", 0755);
      for (Map.Entry<String, byte[]> blob : blobs.entrySet()) {
        tar.file("blobs/sha256/" + blob.getKey(), 0644, blob.getValue());
      }
      tar.file("index.json", 0644, OciJson.index(manifest, reference));
      tar.end();
    }
    return OciJson.digest(manifest);
  }

  /** Unpacks what the image holds into {@code folder}, for runtimes that are given a folder. */
  public static void writeRootfs(Path busybox, Path folder) throws IOException {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    for (String empty : List.of("proc", "dev", "sys", "tmp", "etc", "root")) {
      Files.createDirectories(folder.resolve(empty));
    }
    Path copy = bin.resolve("busybox");
    Files.copy(busybox, copy);
    if (!copy.toFile().setExecutable(true, false)) {
      throw new IOException(copy + " can't be made executable; is its file system mounted noexec?");
    }
    for (String applet : APPLETS) {
      Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
    }
  }

  private static byte[] layer(byte[] busybox) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Tar tar = new Tar(out);
    for (String folder : List.of("bin", "dev", "etc", "proc", "root", "sys", "var")) {
      tar.folder(folder, 0755);
    }
    tar.folder("tmp", 01777);
    tar.file("bin/busybox", 0755, busybox);
    for (String applet : APPLETS) {
      tar.link("bin/" + applet, "busybox");
    }
    tar.file(
        "etc/passwd",
        0644,
        OciJson.bytes("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:\n"));
    tar.file("etc/group", 0644, OciJson.bytes("root:x:0:\nnogroup:x:65534:\n"));
    tar.end();
    return out.toByteArray();
  }

  private static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
      zip.write(plain);
    }
    return out.toByteArray();
  }
}

package dev.retainerd.runtime.scenario;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * An image made for one scenario, of one layer with files of our choice, in the format that {@code
 * docker save} writes. For one thread.
 */
final class MadeImage {
  private static final int SECONDS = 60;
  private static final String OCI = "application/vnd.oci.";
  private static final List<String> APPLETS =
      List.of("sh", "cat", "echo", "ls", "stat", "id", "sleep", "touch", "chown", "mkdir", "mount");

  private final Node node;
  private final String name;
  private final Path folder;
  private final Path layer;
  private final JsonObject config = new JsonObject();
  private int layers = 1;

  /** An image without files that {@code node} is to know as {@code name}. */
  MadeImage(Node node, String name) {
    this.node = node;
    this.name = name;
    try {
      this.folder = Files.createTempDirectory(node.folder(), "image-");
      this.layer = Files.createDirectories(folder.resolve("layer"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    JsonArray env = new JsonArray();
    env.add("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    config.add("Env", env);
  }

  /** With a static busybox, a root folder for root, and the users root and nobody. */
  MadeImage withBusybox() {
    copy(Node.busybox(), "bin/busybox");
    try {
      for (String applet : APPLETS) {
        Files.createSymbolicLink(layer.resolve("bin").resolve(applet), Path.of("busybox"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return withFolder("root")
        .withFolder("tmp")
        .withFile(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
        .withFile("etc/group", "root:x:0:\nnogroup:x:65534:\n");
  }

  MadeImage withFolder(String path) {
    try {
      Files.createDirectories(layer.resolve(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  MadeImage withFile(String path, String content) {
    Path file = layer.resolve(path);
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  /** A program of this machine with the libraries that it is linked to. */
  MadeImage withProgram(Path program) {
    copy(program, program.toString().substring(1));
    for (String line :
        Host.run(SECONDS, List.of("ldd", program.toString())).expectSuccess().split("\n")) {
      for (String word : line.strip().split("\\s+")) {
        if (word.startsWith("/")) {
          copy(Path.of(word), word.substring(1));
        }
      }
    }
    return this;
  }

  private void copy(Path from, String to) {
    Path target = layer.resolve(to);
    try {
      Files.createDirectories(target.getParent());
      Files.copy(
          from.toRealPath(),
          target,
          StandardCopyOption.COPY_ATTRIBUTES,
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Owner and mode of a path that is there, as chown(1) and chmod(1) take them. */
  MadeImage owned(String path, String owner, String mode) {
    Host.run(SECONDS, List.of("chown", owner, layer.resolve(path).toString())).expectSuccess();
    Host.run(SECONDS, List.of("chmod", mode, layer.resolve(path).toString())).expectSuccess();
    return this;
  }

  MadeImage withVolume(String path) {
    JsonObject volumes =
        config.has("Volumes") ? config.getAsJsonObject("Volumes") : new JsonObject();
    volumes.add(path, new JsonObject());
    config.add("Volumes", volumes);
    return this;
  }

  MadeImage withCommand(String... words) {
    JsonArray command = new JsonArray();
    List.of(words).forEach(command::add);
    config.add("Cmd", command);
    return this;
  }

  MadeImage withStopSignal(String name) {
    config.addProperty("StopSignal", name);
    return this;
  }

  /** With that layer twice, so that its root file system is an overlay also where it is read. */
  MadeImage inTwoLayers() {
    layers = 2;
    return this;
  }

  /**
   * Imports an image whose only layer is that archive, with an annotation of its manifest; as an
   * OCI layout.
   */
  String importAnnotated(String namespace, Path archive, String annotation) {
    try {
      Path layout = Files.createDirectories(folder.resolve("layout"));
      Path blobs = Files.createDirectories(layout.resolve("blobs/sha256"));
      JsonObject layerAt = blob(blobs, Files.readAllBytes(archive), "image.layer.v1.tar");
      String digest = layerAt.get("digest").getAsString().substring("sha256:".length());
      JsonObject configAt = blob(blobs, bytes(document(digest)), "image.config.v1+json");
      JsonObject manifest = new JsonObject();
      manifest.addProperty("schemaVersion", 2);
      manifest.addProperty("mediaType", OCI + "image.manifest.v1+json");
      manifest.add("config", configAt);
      JsonArray all = new JsonArray();
      all.add(layerAt);
      manifest.add("layers", all);
      JsonObject annotations = new JsonObject();
      annotations.addProperty(annotation, "a");
      manifest.add("annotations", annotations);
      JsonObject manifestAt = blob(blobs, bytes(manifest), "image.manifest.v1+json");
      JsonObject named = new JsonObject();
      named.addProperty("io.containerd.image.name", name);
      manifestAt.add("annotations", named);
      JsonArray manifests = new JsonArray();
      manifests.add(manifestAt);
      JsonObject index = new JsonObject();
      index.addProperty("schemaVersion", 2);
      index.add("manifests", manifests);
      Files.writeString(layout.resolve("index.json"), index.toString());
      Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
      Path image = folder.resolve("layout.tar");
      run("tar", "-C", layout.toString(), "-cf", image.toString(), ".");
      node.ctrIn(namespace, "images", "import", image.toString()).expectSuccess();
      return name;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(JsonObject json) {
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonObject blob(Path blobs, byte[] content, String type) throws IOException {
    Path unnamed = Files.write(blobs.resolveSibling("unnamed"), content);
    String digest =
        Host.run(SECONDS, List.of("sha256sum", unnamed.toString())).expectSuccess().split(" ")[0];
    Files.move(unnamed, blobs.resolve(digest), StandardCopyOption.REPLACE_EXISTING);
    JsonObject descriptor = new JsonObject();
    descriptor.addProperty("mediaType", OCI + type);
    descriptor.addProperty("digest", "sha256:" + digest);
    descriptor.addProperty("size", content.length);
    return descriptor;
  }

  /** Imports it by means of the real ctr; the name. */
  String importInto(String namespace) {
    try {
      Path tar = folder.resolve("layer.tar");
      run("tar", "-C", layer.toString(), "-cf", tar.toString(), ".");
      String digest =
          Host.run(SECONDS, List.of("sha256sum", tar.toString())).expectSuccess().split(" ")[0];
      Files.writeString(folder.resolve("config.json"), document(digest).toString());
      JsonObject entry = new JsonObject();
      entry.addProperty("Config", "config.json");
      entry.add("RepoTags", list(name, 1));
      entry.add("Layers", list("layer.tar", layers));
      JsonArray manifest = new JsonArray();
      manifest.add(entry);
      Files.writeString(folder.resolve("manifest.json"), manifest.toString());
      Path archive = folder.resolve("image.tar");
      run(
          "tar",
          "-C",
          folder.toString(),
          "-cf",
          archive.toString(),
          "manifest.json",
          "config.json",
          "layer.tar");
      node.ctrIn(namespace, "images", "import", archive.toString()).expectSuccess();
      return name;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonObject document(String digest) {
    JsonObject rootfs = new JsonObject();
    rootfs.addProperty("type", "layers");
    rootfs.add("diff_ids", list("sha256:" + digest, layers));
    JsonObject document = new JsonObject();
    document.addProperty(
        "architecture", System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64");
    document.addProperty("os", "linux");
    document.add("config", config);
    document.add("rootfs", rootfs);
    return document;
  }

  private static JsonArray list(String one, int times) {
    JsonArray list = new JsonArray();
    for (int i = 0; i < times; i++) {
      list.add(one);
    }
    return list;
  }

  private static void run(String... command) {
    Host.run(SECONDS, List.of(command)).expectSuccess();
  }
}

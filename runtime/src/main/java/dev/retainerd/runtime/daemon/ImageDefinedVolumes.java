package dev.retainerd.runtime.daemon;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.container.ContainerFolders;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.linux.SystemCallException;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.Mount;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Folders that an image declares as volumes: each container gets its own, outside of its root file
 * system, with what the image has there. They go with the container's folder.
 *
 * @param containers the folders of containers; their volumes are in volumes/NUMBER of each
 */
record ImageDefinedVolumes(ContainerFolders containers, boolean ignored) {
  private static final long COPY_SECONDS = 120;

  /** The configuration with a mount for each volume that it does not mount itself. */
  ContainerConfig added(ContainerConfig config, JsonObject image, String containerId, Path rootfs) {
    if (!declaredBy(image)) {
      return config;
    }
    Set<Path> mounted = new HashSet<>();
    config.getMountsList().forEach(mount -> mounted.add(absolute(mount.getContainerPath())));
    ContainerConfig.Builder more = config.toBuilder();
    UserNamespace users =
        config.getLinux().getSecurityContext().getNamespaceOptions().getUsernsOptions();
    int number = 0;
    for (String path : image.getAsJsonObject("Volumes").keySet()) {
      Path folder =
          containers.folder(containerId).resolve("volumes").resolve(Integer.toString(number++));
      if (!path.isEmpty() && path.indexOf('\0') < 0 && mounted.add(absolute(path))) {
        fill(folder, path, rootfs);
        more.addMounts(
            Mount.newBuilder()
                .setContainerPath(path)
                .setHostPath(folder.toString())
                .addAllUidMappings(users.getUidsList())
                .addAllGidMappings(users.getGidsList()));
      }
    }
    return more.build();
  }

  /** Whether an image has any that count. */
  boolean declaredBy(JsonObject image) {
    JsonElement declared = image.get("Volumes");
    return !ignored
        && declared != null
        && declared.isJsonObject()
        && !declared.getAsJsonObject().isEmpty();
  }

  private static Path absolute(String path) {
    return Path.of("/").resolve(path).normalize();
  }

  /** Copies what the image has there, owners, modes and times included; links lead nowhere else. */
  private static void fill(Path folder, String path, Path rootfs) {
    try {
      Files.createDirectories(folder);
      try (NativeFile root =
              NativeFile.open(rootfs, NativeFile.O_PATH | NativeFile.O_DIRECTORY, 0);
          NativeFile from =
              NativeFile.openBelow(
                  root,
                  absolute(path).toString().substring(1),
                  NativeFile.O_PATH | NativeFile.O_DIRECTORY,
                  0,
                  NativeFile.RESOLVE_IN_ROOT)) {
        Path source = Path.of("/proc", ProcessHandle.current().pid() + "", "fd");
        copy(source.resolve(from.descriptor() + "/.").toString(), folder);
      } catch (SystemCallException absent) {
        // The image declares a folder that it does not have: an empty one it is.
        return;
      }
    } catch (IOException e) {
      throw Refusal.internal("volume " + path + " of the image cannot be made: " + e.getMessage());
    }
  }

  private static void copy(String from, Path to) throws IOException {
    Process copy =
        new ProcessBuilder(List.of("cp", "-a", from, to.toString()))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (!copy.waitFor(COPY_SECONDS, TimeUnit.SECONDS)) {
        copy.destroyForcibly();
        throw new IOException("it takes longer than " + COPY_SECONDS + " s");
      }
      if (copy.exitValue() != 0) {
        throw new IOException("cp ended with " + copy.exitValue());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      copy.destroyForcibly();
      throw Refusal.cancelled("the copy of a volume was given up");
    }
  }
}

package dev.retainerd.runtime.oci;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The small files of an image in which users and groups are looked up. */
@FunctionalInterface
public interface AccountFiles {
  String PASSWD = "etc/passwd";
  String GROUP = "etc/group";

  /**
   * The text of one of them; none where the image has no such regular file.
   *
   * @param name {@link #PASSWD} or {@link #GROUP}
   */
  Optional<String> text(String name);

  /** Read when asked for, with links followed as the container would follow them. */
  static AccountFiles in(Path rootfs) {
    return name -> RootfsFile.read(rootfs, name);
  }

  /** Read now, for when the root file system is not mounted any more. */
  static AccountFiles copiedFrom(Path rootfs) {
    Map<String, Optional<String>> texts = new HashMap<>();
    texts.put(PASSWD, RootfsFile.read(rootfs, PASSWD));
    texts.put(GROUP, RootfsFile.read(rootfs, GROUP));
    return name -> texts.getOrDefault(name, Optional.empty());
  }
}

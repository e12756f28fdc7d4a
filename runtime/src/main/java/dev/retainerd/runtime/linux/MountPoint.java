package dev.retainerd.runtime.linux;

import java.nio.file.Path;
import java.util.List;

/**
 * One line of /proc/self/mountinfo; see proc(5) for the meaning of each field.
 *
 * @param id unique among the mounts that exist now; a number comes back after an unmount
 * @param root the folder of the file system that is seen here; for a namespace such as net:[4026]
 * @param target where it is mounted
 * @param options options of this mount, in the kernel's order
 * @param propagation shared:N, master:N, ...; empty for a private mount
 * @param type the file system's name
 * @param superOptions options of the file system, such as overlay's lowerdir
 */
public record MountPoint(
    int id,
    int parentId,
    String device,
    String root,
    Path target,
    List<String> options,
    List<String> propagation,
    String type,
    String source,
    List<String> superOptions) {

  public MountPoint {
    options = List.copyOf(options);
    propagation = List.copyOf(propagation);
    superOptions = List.copyOf(superOptions);
  }

  public boolean isReadOnly() {
    return options.contains("ro");
  }
}

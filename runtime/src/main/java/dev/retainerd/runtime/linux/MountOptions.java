package dev.retainerd.runtime.linux;

import java.util.ArrayList;
import java.util.List;

/**
 * Options of a mount as containerd's snapshotters name them, told apart as mount(2) wants them.
 *
 * @param flags MS_BIND, MS_REC, MS_RDONLY
 * @param data all others, separated by commas
 */
public record MountOptions(long flags, String data) {

  /** Tells them apart. */
  public static MountOptions of(List<String> options) {
    long flags = 0;
    List<String> data = new ArrayList<>();
    for (String option : options) {
      switch (option) {
        case "bind" -> flags |= Mounts.MS_BIND;
        case "rbind" -> flags |= Mounts.MS_BIND | Mounts.MS_REC;
        case "ro" -> flags |= Mounts.MS_RDONLY;
        case "rw" -> {}
        default -> data.add(option);
      }
    }
    return new MountOptions(flags, String.join(",", data));
  }

  /** Whether it is a bind mount that nothing may be written through, which takes a second call. */
  public boolean bindsReadOnly() {
    long both = Mounts.MS_BIND | Mounts.MS_RDONLY;
    return (flags & both) == both;
  }
}

package dev.retainerd.runtime.cgroup;

import dev.retainerd.runtime.error.Refusal;
import java.nio.file.Path;

/** Names of cgroups as the OCI runtime is given them, in both drivers' forms. Pure. */
public final class CgroupPath {
  private CgroupPath() {}

  /**
   * The linux.cgroupsPath of a container below its pod's parent.
   *
   * @param parent what the client gave; empty for the given default
   * @param defaultParent used where the client gave none, such as /k8s.io
   * @param systemd whether the runtime has systemd make the cgroup; then a parent is a slice
   */
  public static String ofContainer(
      String parent, String defaultParent, String id, boolean systemd) {
    String above = parent.isEmpty() ? defaultParent : parent;
    if (systemd) {
      String slice = above.substring(above.lastIndexOf('/') + 1);
      if (!slice.endsWith(".slice")) {
        if (!parent.isEmpty()) {
          throw Refusal.invalidArgument(
              "the cgroup parent \""
                  + parent
                  + "\" is no systemd slice; with the systemd driver"
                  + " its name ends with .slice");
        }
        slice = "system.slice";
      }
      return slice + ":retainerd:" + id;
    }
    return checked(above) + "/" + id;
  }

  /**
   * The folder path of a slice: systemd nests a-b.slice below a.slice.
   *
   * @return such as /kubepods.slice/kubepods-pod1.slice
   */
  public static String ofSlice(String slice) {
    if (!slice.endsWith(".slice") || slice.indexOf('/') >= 0) {
      throw Refusal.invalidArgument("\"" + slice + "\" is no systemd slice, such as a-b.slice");
    }
    String name = slice.substring(0, slice.length() - ".slice".length());
    StringBuilder path = new StringBuilder();
    for (int dash = name.indexOf('-'); dash > 0; dash = name.indexOf('-', dash + 1)) {
      path.append('/').append(name, 0, dash).append(".slice");
    }
    return path.append('/').append(slice).toString();
  }

  /** Refuses a path that is not absolute, climbs, or is the root; removes doubled slashes. */
  static String checked(String path) {
    Path normal = Path.of(path).normalize();
    boolean climbs = path.contains("..") || path.indexOf('\n') >= 0;
    if (!normal.isAbsolute() || climbs || normal.getNameCount() == 0) {
      throw Refusal.invalidArgument(
          "the cgroup \"" + path + "\" is no path below the root, such as /kubepods/pod1");
    }
    return normal.toString();
  }
}

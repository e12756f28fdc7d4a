package dev.retainerd.runtime.linux;

/**
 * What a name of the file system stands for, as statx(2) says it; times in nanoseconds since the
 * epoch, {@code blocks512} in units of 512 bytes. Immutable.
 */
public record FileStatus(
    int mode,
    int uid,
    int gid,
    long inode,
    int links,
    long size,
    long blocks512,
    int deviceMajor,
    int deviceMinor,
    int ofMajor,
    int ofMinor,
    long modifiedNanos) {

  public boolean isDirectory() {
    return (mode & DirectoryCalls.S_IFMT) == DirectoryCalls.S_IFDIR;
  }

  public boolean isSymlink() {
    return (mode & DirectoryCalls.S_IFMT) == DirectoryCalls.S_IFLNK;
  }

  public boolean isRegular() {
    return (mode & DirectoryCalls.S_IFMT) == DirectoryCalls.S_IFREG;
  }

  /** A character device 0/0: what overlayfs takes for a removed name. */
  public boolean isWhiteout() {
    return (mode & DirectoryCalls.S_IFMT) == DirectoryCalls.S_IFCHR
        && deviceMajor == 0
        && deviceMinor == 0;
  }

  /** Permission bits with setuid, setgid and sticky. */
  public int permissions() {
    return mode & 07777;
  }
}

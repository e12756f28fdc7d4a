package dev.retainerd.shim.posix;

/** The error numbers that the shim decides by; x86-64 and arm64 Linux agree on them. */
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int ECHILD = 10;
  public static final int EAGAIN = 11;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int EINVAL = 22;
  public static final int ENOSPC = 28;
  public static final int EPIPE = 32;
  public static final int ENOBUFS = 105;
  public static final int EDQUOT = 122;

  private Errno() {}

  static String text(int errno) {
    return switch (errno) {
      case EPERM -> "not permitted";
      case ENOENT -> "no such file or folder";
      case ESRCH -> "no such process";
      case EIO -> "input/output error";
      case ENXIO -> "no such device";
      case ECHILD -> "no child";
      case EAGAIN -> "try again";
      case 12 -> "out of memory";
      case 13 -> "permission denied";
      case EBUSY -> "busy";
      case EEXIST -> "exists already";
      case 20 -> "not a folder";
      case EINVAL -> "invalid argument";
      case 24 -> "too many open files";
      case ENOSPC -> "no space left";
      case 30 -> "read-only file system";
      case EPIPE -> "nobody reads";
      case 38 -> "not known to this kernel";
      default -> "errno " + errno;
    };
  }
}

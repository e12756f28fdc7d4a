package dev.retainerd.runtime.linux;

import java.io.IOException;

/**
 * A call into the kernel that failed: which call, on what, and the kernel's reason.
 *
 * <p>It is an {@link IOException}, so that code which moves files about needs one catch only.
 */
public final class SystemCallException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final String subject;
  private final int number;

  /**
   * @param call the name of the system call, as its manual page has it
   * @param subject what it was done to: a path, a process, an interface
   * @param number the kernel's error number
   */
  public SystemCallException(String call, String subject, int number) {
    super(sentence(call, subject, number));
    this.call = call;
    this.subject = subject;
    this.number = number;
  }

  private static String sentence(String call, String subject, int number) {
    Errno errno = Errno.of(number);
    String why =
        errno == Errno.OTHER ? "errno " + number : errno.name() + " (" + errno.meaning() + ")";
    return call + " of " + subject + " failed: " + why;
  }

  public String call() {
    return call;
  }

  public String subject() {
    return subject;
  }

  /** The kernel's number, also where {@link #errno()} has no name for it. */
  public int number() {
    return number;
  }

  public Errno errno() {
    return Errno.of(number);
  }

  public boolean is(Errno other) {
    return errno() == other;
  }
}

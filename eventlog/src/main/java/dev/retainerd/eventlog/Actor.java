package dev.retainerd.eventlog;

import java.util.Objects;

/**
 * Who made an event happen.
 *
 * @param kind what it is
 * @param pid its process id at that time; 0 where there is none
 * @param uid its user id, as the kernel told it
 * @param gid its group id, as the kernel told it
 * @param executable path of its program; "" where it is not known
 */
public record Actor(Kind kind, int pid, int uid, int gid, String executable) {

  /** What an actor is. The numbers stand in the log and are never reused. */
  public enum Kind {
    /** A process that called through the socket. */
    CLIENT(1),
    /** The daemon of its own accord. */
    DAEMON(2),
    /** The daemon while it recovers. */
    RECOVERY(3),
    /** A shim that told of something. */
    SHIM(4);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Kind ofNumber(int number) {
      return switch (number) {
        case 1 -> CLIENT;
        case 2 -> DAEMON;
        case 3 -> RECOVERY;
        case 4 -> SHIM;
        default -> throw new DamagedEnvelopeException("an actor of the unknown kind " + number);
      };
    }
  }

  public Actor {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(executable, "executable");
  }

  /** The daemon itself. */
  public static Actor daemon() {
    return new Actor(Kind.DAEMON, (int) ProcessHandle.current().pid(), 0, 0, "");
  }

  /** The daemon in recovery. */
  public static Actor recovery() {
    return new Actor(Kind.RECOVERY, (int) ProcessHandle.current().pid(), 0, 0, "");
  }
}

package dev.retainerd.shim.output;

/** The end of a stream's way. Belongs to the loop's thread. */
interface Sink {
  /** The sink cannot take more now; wait for {@link #blockedOn} or some time. */
  long FULL = Long.MIN_VALUE;

  /**
   * Moves some bytes out of a pipe.
   *
   * @param most how many at most
   * @return bytes moved, 0 when the pipe has ended, a negative errno (EAGAIN: nothing there), or
   *     {@link #FULL}
   */
  long take(int pipe, long most);

  /** The descriptor that becomes writable when the sink can go on, or -1 to try again by time. */
  int blockedOn();

  /**
   * Brings what it holds back to its place, such as a line without an end.
   *
   * @return false when it could not yet; ask again
   */
  boolean flush();

  /**
   * Moves all that is in a pipe to where it outlives the pipe, also where its destination is full.
   *
   * @return false where it could not
   */
  default boolean spool(int pipe) {
    return false;
  }

  /** Ends it; what the sink keeps on disk stays. */
  void close();
}

package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;

/** The oom_score_adj of a process, as far as the daemon may set it. Pure. */
public final class OomScore {
  /** Of a pause process: the last but the node's own services to be killed. */
  public static final int SANDBOX = -998;

  private static final int LEAST = -1000;
  private static final int MOST = 1000;

  private OomScore() {}

  /** Refuses a number the kernel does not take. */
  static void check(long adj) {
    if (adj < LEAST || adj > MOST) {
      throw Refusal.invalidArgument(
          "oom_score_adj %d is not from %d to %d".formatted(adj, LEAST, MOST));
    }
  }

  /**
   * What can be had of what is asked for. A process without CAP_SYS_RESOURCE cannot go below its
   * own value, and runc that tries dies without a usable message.
   */
  public static int possible(int asked, HostTraits host, SpecPolicy policy) {
    check(asked);
    boolean bounded = policy.restrictOomScoreAdj() || !host.canLowerOomScoreAdj();
    return bounded ? Math.max(asked, host.oomScoreAdj()) : asked;
  }
}

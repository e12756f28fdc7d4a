package dev.retainerd.bench.scenario;

/**
 * How much of everything a run does.
 *
 * @param rounds counted rounds of a stage of short rounds
 * @param warmUp rounds before them that are not counted
 * @param kills rounds of the stages that kill or restart a daemon
 * @param pods pods that run in the stages about many of them
 * @param listed containers, and stopped pods, that there are when lists are timed
 * @param churnSeconds length of the churn
 * @param idleSeconds how long idle processor time is watched
 * @param imageMegabytes compressed size of the image that is pulled
 * @param smallLayers layers of the other one
 * @param logMegabytes output of the container whose log is timed
 * @param started containers that are started at one width of the stage of that
 * @param settled whether a daemon that has just started is left alone until what it puts off is
 *     done
 */
public record Sizes(
    int rounds,
    int warmUp,
    int kills,
    int pods,
    int listed,
    int churnSeconds,
    int idleSeconds,
    int imageMegabytes,
    int smallLayers,
    int logMegabytes,
    int started,
    boolean settled) {

  /** For a comparison that means something; ten minutes and more. */
  public static Sizes full() {
    return new Sizes(30, 3, 10, 60, 1_000, 60, 10, 110, 64, 256, 16, true);
  }

  /** For a build: does every operation work, in a minute; its figures are coarse. */
  public static Sizes quick() {
    return new Sizes(2, 1, 1, 6, 40, 3, 1, 16, 16, 16, 8, false);
  }

  /** The same but for the numbers that were asked for; 0 is not asked for. */
  public Sizes with(int rounds, int warmUp, int pods, int listed, int churnSeconds) {
    return new Sizes(
        rounds > 0 ? rounds : this.rounds,
        warmUp >= 0 ? warmUp : this.warmUp,
        rounds > 0 ? Math.min(rounds, kills) : kills,
        pods > 0 ? pods : this.pods,
        listed > 0 ? listed : this.listed,
        churnSeconds > 0 ? churnSeconds : this.churnSeconds,
        idleSeconds,
        imageMegabytes,
        smallLayers,
        logMegabytes,
        started,
        settled);
  }
}

package dev.retainerd.runtime.ctl.command;

import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** One verb of retainctl. An instance serves one run. */
public abstract class Verb implements Callable<Integer> {

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show help")
  boolean help;

  private Supplier<Session> sessions;

  /** Tells the verb how to reach the daemon; called before it runs. */
  public void connectWith(Supplier<Session> opener) {
    this.sessions = opener;
  }

  @Override
  public final Integer call() throws Exception {
    try (Session session = sessions.get()) {
      int code = run(session);
      session.out().flush();
      return code;
    }
  }

  /**
   * Does it.
   *
   * @return the exit status
   * @throws CommandFailure with the sentence for the operator
   */
  protected abstract int run(Session session) throws Exception;
}

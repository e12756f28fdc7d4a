package dev.retainerd.bench;

import java.io.PrintWriter;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * retain-bench: compares container runtimes on this machine. Exit codes: 0 all done, 1 worse than
 * asked for, 2 wrong usage or an operation failed, and then no figure of that stage is printed.
 */
@Command(
    name = "retain-bench",
    description = "Compares container runtimes on this machine, from outside, in turns.",
    mixinStandardHelpOptions = true,
    versionProvider = BenchMain.Version.class,
    subcommands = {
      RunCommand.class,
      FaultsCommand.class,
      ReportCommand.class,
      ImageCommand.class,
      ServeCommand.class,
      CallCommand.class
    })
public final class BenchMain implements Runnable {
  /** Worse than a baseline, or something was lost. */
  static final int WORSE = 1;

  /** An operation failed. */
  static final int FAILED = 2;

  /** Held, since the logging framework holds loggers weakly and forgets their level. */
  private static final Logger NETTY = Logger.getLogger("io.netty.bootstrap");

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /** The version stands in the jar's manifest. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = BenchMain.class.getPackage().getImplementationVersion();
      return new String[] {"retain-bench " + (version == null ? "development" : version)};
    }
  }

  /** Starts here. */
  public static void main(String[] args) {
    // grpc-netty sets a TCP option on every channel, and netty warns of it on each unix socket.
    NETTY.setLevel(Level.SEVERE);
    CommandLine line = new CommandLine(new BenchMain());
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          PrintWriter err = command.getErr();
          err.println("retain-bench: " + Failures.sentence(failure));
          return FAILED;
        });
    System.exit(line.execute(args));
  }

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}

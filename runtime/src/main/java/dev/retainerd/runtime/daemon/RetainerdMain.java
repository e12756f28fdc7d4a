package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.runtime.config.ConfigCommand;
import dev.retainerd.runtime.config.ConfigException;
import dev.retainerd.runtime.config.ConfigReader;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.config.LoadedConfig;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.ProcessEnd;
import dev.retainerd.runtime.logging.StderrLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code retainerd}: the node daemon. Exit codes: 0 stopped as asked; 1 it could not start, with
 * one sentence on stderr; 2 wrong words on the command line.
 */
@Command(
    name = "retainerd",
    description = "Runs containers, and survives its own death.",
    mixinStandardHelpOptions = true,
    version = "retainerd " + Version.NAME,
    subcommands = ConfigCommand.class)
public final class RetainerdMain implements Callable<Integer> {
  private static final int ENDED_BY_SIGTERM = 128 + 15;

  @Option(
      names = {"-c", "--config"},
      paramLabel = "FILE",
      description =
          "containerd's or our config.toml (default: " + ConfigCommand.STANDARD_FILE + ")")
  private Path configFile;

  @Option(
      names = {"-l", "--log-level"},
      paramLabel = "LEVEL",
      description = "trace, debug, info, warn or error")
  private String logLevel;

  @Option(
      names = "--shim",
      paramLabel = "FILE",
      description = "the shim to start (default: the one beside this program)")
  private Path shim;

  /** Runs the command line. */
  public static void main(String[] args) {
    StderrLog.install();
    RetainerdMain plain = new RetainerdMain();
    System.exit(
        plain.isToldPlainly(args)
            ? plain.call()
            : new CommandLine(new RetainerdMain()).execute(args));
  }

  /**
   * Takes the words of a service file, options that are each followed by a value, and leaves all
   * others to picocli: to read annotations takes it a tenth of a second, an eighth of a start.
   */
  private boolean isToldPlainly(String[] args) {
    for (int i = 0; i < args.length; i += 2) {
      if (i + 1 == args.length || args[i + 1].isEmpty() || args[i + 1].startsWith("-")) {
        return false;
      }
      String value = args[i + 1];
      Object toldBefore;
      switch (args[i]) {
        case "-c", "--config" -> {
          toldBefore = configFile;
          configFile = Path.of(value);
        }
        case "-l", "--log-level" -> {
          toldBefore = logLevel;
          logLevel = value;
        }
        case "--shim" -> {
          toldBefore = shim;
          shim = Path.of(value);
        }
        default -> {
          return false;
        }
      }
      if (toldBefore != null) {
        return false;
      }
    }
    return true;
  }

  @Override
  public Integer call() {
    EarlyLibraries libraries = EarlyLibraries.begin();
    try {
      LoadedConfig loaded = load();
      DaemonConfig config = loaded.config();
      logAt(logLevel != null ? logLevel : config.logLevel());
      loaded.warnings().forEach(w -> LoggerFactory.getLogger("dev.retainerd.config").warn("{}", w));
      run(config, libraries);
      return 0;
    } catch (ConfigException e) {
      e.problems().forEach(p -> System.err.println("retainerd: " + p));
      return 1;
    } catch (Refusal | EventLogException | IOException e) {
      System.err.println("retainerd: " + e.getMessage());
      return 1;
    }
  }

  private LoadedConfig load() {
    if (configFile != null) {
      return ConfigReader.read(configFile.toAbsolutePath());
    }
    Path standard = Path.of(ConfigCommand.STANDARD_FILE);
    return Files.exists(standard) ? ConfigReader.read(standard) : ConfigReader.defaults();
  }

  private void run(DaemonConfig config, EarlyLibraries libraries) throws IOException {
    Daemon daemon = Daemon.start(config, shimBinary(config), libraries::await);
    CountDownLatch stopped = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  daemon.close();
                  stopped.countDown();
                  if (nobodyWaitsForTheJvm()) {
                    ProcessEnd.now(ENDED_BY_SIGTERM);
                  }
                },
                "stop"));
    try {
      stopped.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** An AOT cache, a recording and the like are written when the JVM ends by itself. */
  private static boolean nobodyWaitsForTheJvm() {
    return System.getenv().getOrDefault("RETAINERD_JAVA_OPTS", "").isBlank()
        && System.getenv("RETAIN_AOT_TRAIN") == null;
  }

  private Path shimBinary(DaemonConfig config) {
    if (shim != null) {
      return shim.toAbsolutePath();
    }
    return config
        .retain()
        .shimPath()
        .orElseGet(
            () ->
                Path.of(System.getProperty("retainerd.home", "/usr/local"))
                    .resolve("bin/containerd-shim-retain-v1"));
  }

  private static void logAt(String level) {
    var root =
        (ch.qos.logback.classic.Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.setLevel(ch.qos.logback.classic.Level.toLevel(level, ch.qos.logback.classic.Level.INFO));
  }
}

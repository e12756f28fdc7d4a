package dev.retainerd.runtime.config;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code retainerd config default|dump|explain}: shows what the daemon would be told.
 *
 * <p>The file is that of {@code --config}, given here or to the command above; else {@value
 * #STANDARD_FILE} if it exists; else there are only defaults. Exit codes: 0; 1 for a configuration
 * that is refused, its problems on stderr.
 */
@Command(
    name = "config",
    description = "Show the daemon's configuration.",
    mixinStandardHelpOptions = true)
public final class ConfigCommand implements Callable<Integer> {
  /** The file that is read when none is named. */
  public static final String STANDARD_FILE = "/etc/retainerd/config.toml";

  @Spec private CommandSpec spec;

  /** Without a verb: how to use it. */
  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getErr());
    return CommandLine.ExitCode.USAGE;
  }

  @Command(
      name = "default",
      description = "Print a commented config.toml with the defaults.",
      mixinStandardHelpOptions = true)
  int printDefault() {
    print(TomlWriter.defaults(KeyTable.load()));
    return 0;
  }

  @Command(
      name = "dump",
      description = "Print the effective configuration, drop-ins merged, as version 3.",
      mixinStandardHelpOptions = true)
  int dump(
      @Option(
              names = {"-c", "--config"},
              paramLabel = "FILE")
          Path file) {
    LoadedConfig loaded = load(file);
    if (loaded == null) {
      return 1;
    }
    print(loaded.toToml());
    return 0;
  }

  @Command(
      name = "explain",
      description = "Print every setting with its value and where it comes from.",
      mixinStandardHelpOptions = true)
  int explain(
      @Option(
              names = {"-c", "--config"},
              paramLabel = "FILE")
          Path file) {
    LoadedConfig loaded = load(file);
    if (loaded == null) {
      return 1;
    }
    List<LoadedConfig.Explained> lines = loaded.explain();
    int keys = lines.stream().mapToInt(line -> line.key().length()).max().orElse(0);
    int values = lines.stream().mapToInt(line -> line.value().length()).max().orElse(0);
    String format = "%-" + Math.max(3, keys) + "s  %-" + Math.clamp(values, 5, 40) + "s  %s%n";
    PrintWriter out = spec.commandLine().getOut();
    out.printf(format, "KEY", "VALUE", "FROM");
    lines.forEach(line -> out.printf(format, line.key(), line.value(), line.from()));
    out.flush();
    return 0;
  }

  private LoadedConfig load(Path file) {
    PrintWriter err = spec.commandLine().getErr();
    Path named = file != null ? file : fileOfParent();
    Path standard = Path.of(STANDARD_FILE);
    try {
      LoadedConfig loaded =
          named == null && !Files.exists(standard)
              ? ConfigReader.defaults()
              : ConfigReader.read(named == null ? standard : named);
      loaded.warnings().forEach(warning -> err.println("warning: " + warning));
      err.flush();
      return loaded;
    } catch (ConfigException e) {
      err.println(e.getMessage());
      err.flush();
      return null;
    }
  }

  /** {@code --config} of a command above: {@code retainerd --config FILE config dump}. */
  private Path fileOfParent() {
    for (CommandSpec up = spec.parent(); up != null; up = up.parent()) {
      OptionSpec option = up.findOption("--config");
      if (option != null && option.getValue() != null) {
        return Path.of(option.getValue().toString());
      }
    }
    return null;
  }

  private void print(String text) {
    PrintWriter out = spec.commandLine().getOut();
    out.print(text);
    out.flush();
  }
}

package dev.retainerd.runtime.ctl;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Sentences;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.runtime.logging.StderrLog;
import io.netty.util.internal.logging.InternalLoggerFactory;
import io.netty.util.internal.logging.JdkLoggerFactory;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * The operator's command line. Exit status: 0 done, 1 failed with one sentence on stderr, 2 not
 * understood; {@code run}, {@code exec} and {@code attach} pass on the process's own.
 */
@Command(
    name = "retainctl",
    description = "Talks to retainerd, or to any daemon that speaks containerd's API.",
    sortOptions = false)
public final class RetainctlMain implements Runnable {
  private static final String DEFAULT_SOCKET = "/run/retainerd/retainerd.sock";

  /** Global options that take a value: to find the noun behind them without parsing. */
  private static final List<String> VALUED =
      List.of("-a", "--address", "-n", "--namespace", "--timeout", "--connect-timeout");

  @Option(
      names = {"-a", "--address"},
      paramLabel = "SOCKET",
      description = "the daemon's socket (default " + DEFAULT_SOCKET + ", $RETAINERD_ADDRESS)")
  String address = System.getenv().getOrDefault("RETAINERD_ADDRESS", DEFAULT_SOCKET);

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "namespace to use (default \"default\", $CONTAINERD_NAMESPACE)")
  String namespace = System.getenv().getOrDefault("CONTAINERD_NAMESPACE", "default");

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "bound of each call, such as 10s (default: 2m for short calls, none for waits)")
  String timeout = "0";

  @Option(names = "--connect-timeout", hidden = true, description = "accepted for ctr's sake")
  String connectTimeout = "0";

  @Option(names = "--json", description = "print JSON where a verb can")
  boolean json;

  @Option(names = "--debug", hidden = true, description = "accepted for ctr's sake")
  boolean debug;

  @Option(
      names = {"-v", "--version"},
      description = "print the version")
  boolean version;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show help")
  boolean help;

  private final PrintStream out;
  private CommandLine line;

  RetainctlMain(PrintStream out) {
    this.out = out;
  }

  public static void main(String[] arguments) {
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    StderrLog.install();
    quietLibraries();
    int code = run(out, arguments);
    out.flush();
    System.exit(code);
  }

  /** What a library has to say is the daemon's business; the operator reads our sentences. */
  private static void quietLibraries() {
    InternalLoggerFactory.setDefaultFactory(JdkLoggerFactory.INSTANCE);
    java.util.logging.LogManager.getLogManager().reset();
  }

  /** Runs it and returns the exit status. */
  static int run(PrintStream out, String... arguments) {
    RetainctlMain main = new RetainctlMain(out);
    main.line = main.build(arguments);
    return main.line.execute(arguments);
  }

  static String version() {
    String packaged = RetainctlMain.class.getPackage().getImplementationVersion();
    return packaged == null ? "0.1.0" : packaged;
  }

  @Override
  public void run() {
    if (version) {
      out.println("retainctl " + version());
      return;
    }
    line.usage(out);
  }

  private CommandLine build(String[] arguments) {
    CommandLine root = new CommandLine(this);
    List<String> words = words(arguments);
    String first = words.isEmpty() ? "" : words.getFirst();
    Optional<Catalogue.Noun> asked =
        Catalogue.NOUNS.stream().filter(noun -> noun.is(first)).findFirst();
    Optional<Catalogue.Entry> top =
        Catalogue.TOP.stream().filter(entry -> entry.is(first)).findFirst();
    if (asked.isPresent()) {
      add(root, asked.get(), words.size() > 1 ? words.get(1) : "");
    } else if (top.isPresent()) {
      add(root, top.get());
    } else {
      Catalogue.NOUNS.forEach(noun -> add(root, noun, ""));
      Catalogue.TOP.forEach(entry -> add(root, entry));
    }
    root.setExecutionExceptionHandler(this::failed);
    root.setParameterExceptionHandler(RetainctlMain::misunderstood);
    root.setUsageHelpAutoWidth(true);
    root.setOut(new java.io.PrintWriter(out, true));
    // What stands behind a container's name belongs to the container: "t exec ID ls -l".
    root.setStopAtPositional(false);
    for (String name : List.of("run", "exec", "create")) {
      stopAtPositional(root, name);
    }
    return root;
  }

  private static void stopAtPositional(CommandLine at, String verb) {
    at.getSubcommands()
        .forEach(
            (name, inner) -> {
              if (name.equals(verb)) {
                inner.setStopAtPositional(true);
              }
              stopAtPositional(inner, verb);
            });
  }

  private void add(CommandLine root, Catalogue.Noun noun, String word) {
    CommandSpec spec = CommandSpec.create().name(noun.names().getFirst());
    spec.aliases(noun.names().subList(1, noun.names().size()).toArray(String[]::new));
    spec.usageMessage().description(noun.description());
    spec.addOption(
        CommandLine.Model.OptionSpec.builder("-h", "--help")
            .usageHelp(true)
            .description("show help")
            .build());
    CommandLine inner = new CommandLine(spec);
    noun.verb(word)
        .ifPresentOrElse(
            entry -> add(inner, entry), () -> noun.verbs().forEach(entry -> add(inner, entry)));
    root.addSubcommand(inner);
  }

  private void add(CommandLine parent, Catalogue.Entry entry) {
    Verb verb = entry.make().get();
    verb.connectWith(this::open);
    List<String> others = entry.names().subList(1, entry.names().size());
    parent.addSubcommand(entry.names().getFirst(), verb, others.toArray(String[]::new));
  }

  private Session open() {
    String path = address.startsWith("unix://") ? address.substring("unix://".length()) : address;
    return new Session(Path.of(path), namespace, Times.millis(timeout), json, out);
  }

  /** The words that are no global option, up to two. */
  private static List<String> words(String[] arguments) {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < arguments.length && words.size() < 2; i++) {
      if (words.isEmpty() && VALUED.contains(arguments[i])) {
        i++;
      } else if (!arguments[i].startsWith("-")) {
        words.add(arguments[i]);
      }
    }
    return words;
  }

  private int failed(Exception thrown, CommandLine at, CommandLine.ParseResult result) {
    out.flush();
    String path = address.startsWith("unix://") ? address.substring("unix://".length()) : address;
    System.err.println("retainctl: " + Sentences.of(thrown, Path.of(path)));
    return thrown instanceof CommandFailure failure ? failure.exitCode() : CommandFailure.FAILED;
  }

  private static int misunderstood(ParameterException wrong, String[] arguments) {
    String name = wrong.getCommandLine().getCommandSpec().qualifiedName(" ");
    String sentence = wrong.getMessage().replaceAll("\\s*\\R\\s*", " ");
    System.err.println("retainctl: " + sentence + " (see \"" + name + " --help\")");
    return CommandFailure.USAGE;
  }
}

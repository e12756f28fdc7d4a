package dev.retainerd.replay;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.manual.ManualCommand;
import dev.retainerd.replay.manual.PractiseCommand;
import dev.retainerd.replay.verb.BisectVerb;
import dev.retainerd.replay.verb.BundleVerb;
import dev.retainerd.replay.verb.DiffVerb;
import dev.retainerd.replay.verb.ExplainVerb;
import dev.retainerd.replay.verb.ExportVerb;
import dev.retainerd.replay.verb.IndexVerb;
import dev.retainerd.replay.verb.LogVerb;
import dev.retainerd.replay.verb.OpenVerb;
import dev.retainerd.replay.verb.RedactVerb;
import dev.retainerd.replay.verb.StateVerb;
import dev.retainerd.replay.verb.StatsVerb;
import dev.retainerd.replay.verb.TimelineVerb;
import dev.retainerd.replay.verb.Verb;
import dev.retainerd.replay.verb.VerifyVerb;
import dev.retainerd.replay.verb.Version;
import dev.retainerd.replay.verb.WhatIfVerb;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * The forensic replay tool: reads a log directory, live or copied, and writes nothing into it. Exit
 * status: 0 it holds, 1 it does not hold, 2 could not look.
 */
@Command(
    name = "rewind",
    description = "Shows what happened on a node, from its event log. Never writes into the log.",
    sortOptions = false)
public final class RewindMain implements Runnable {
  private static final int COULD_NOT_LOOK = 2;
  private static final int BUFFER_BYTES = 1 << 16;

  @Option(
      names = {"-V", "--version"},
      description = "print the version")
  boolean version;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show help")
  boolean help;

  private final PrintStream out;
  private CommandLine line;

  private RewindMain(PrintStream out) {
    this.out = out;
  }

  private static Map<String, Supplier<Verb>> verbs() {
    Map<String, Supplier<Verb>> verbs = new LinkedHashMap<>();
    verbs.put("log", LogVerb::new);
    verbs.put("verify", VerifyVerb::new);
    verbs.put("state", StateVerb::new);
    verbs.put("timeline", TimelineVerb::new);
    verbs.put("explain", ExplainVerb::new);
    verbs.put("diff", DiffVerb::new);
    verbs.put("bisect", BisectVerb::new);
    verbs.put("what-if", WhatIfVerb::new);
    verbs.put("stats", StatsVerb::new);
    verbs.put("export", ExportVerb::new);
    verbs.put("bundle", BundleVerb::new);
    verbs.put("open", OpenVerb::new);
    verbs.put("redact", RedactVerb::new);
    verbs.put("index", IndexVerb::new);
    return verbs;
  }

  public static void main(String[] arguments) {
    // gRPC's log goes nowhere, and whoever asks a daemon need not hear of that.
    System.setProperty("slf4j.internal.verbosity", "ERROR");
    PrintStream out =
        new PrintStream(
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), BUFFER_BYTES),
            false,
            StandardCharsets.UTF_8);
    int code = run(out, arguments);
    out.flush();
    System.exit(code);
  }

  /** Runs it and returns the exit status. */
  static int run(PrintStream out, String... arguments) {
    RewindMain main = new RewindMain(out);
    CommandLine root = new CommandLine(main);
    main.line = root;
    Map<String, Supplier<Verb>> verbs = verbs();
    String first = arguments.length > 0 ? arguments[0] : "";
    verbs.forEach(
        (name, make) -> {
          // Building all of them costs more than most of them do.
          if (name.equals(first) || !verbs.containsKey(first)) {
            Verb verb = make.get();
            verb.printTo(out);
            root.addSubcommand(name, verb);
          }
        });
    if (!verbs.containsKey(first)) {
      root.addSubcommand("manual", new ManualCommand());
      root.addSubcommand("practise", new PractiseCommand(RewindMain::run));
    }
    root.setExecutionExceptionHandler((thrown, at, result) -> main.failed(thrown));
    root.setParameterExceptionHandler(RewindMain::misunderstood);
    root.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    root.setUsageHelpAutoWidth(true);
    return root.execute(arguments);
  }

  @Override
  public void run() {
    if (version) {
      out.println("rewind " + Version.text());
      return;
    }
    line.usage(out);
  }

  private int failed(Exception thrown) {
    out.flush();
    String sentence =
        switch (thrown) {
          case LookFailure e -> e.getMessage();
          case EventLogException e -> e.getMessage();
          case java.nio.file.FileSystemException e -> e.getFile() + ": " + e.getReason();
          default -> thrown.getMessage() == null ? "failed with " + thrown : thrown.getMessage();
        };
    System.err.println("rewind: " + sentence.replaceAll("\\s*\\R\\s*", " "));
    return COULD_NOT_LOOK;
  }

  private static int misunderstood(ParameterException wrong, String[] arguments) {
    String name = wrong.getCommandLine().getCommandSpec().qualifiedName(" ");
    System.err.println(
        "rewind: "
            + wrong.getMessage().replaceAll("\\s*\\R\\s*", " ")
            + " (see \""
            + name
            + " --help\")");
    return COULD_NOT_LOOK;
  }
}

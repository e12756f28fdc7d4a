package dev.retainerd.replay.manual;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Goes through the verbs that are asked for most, without a word: ./build lets it train the class
 * cache, so that they start fast.
 */
@Command(name = "practise", hidden = true, description = "run many verbs on a log, for ./build")
public final class PractiseCommand implements Callable<Integer> {
  private static final Pattern TASK = Pattern.compile("\"subject\":\"task/([^\"]+)\"");
  private static final int ROUNDS = 3;

  private final BiConsumer<PrintStream, String[]> rewind;

  @Parameters(index = "0", paramLabel = "DIR", description = "a log")
  Path where;

  /**
   * Such a command.
   *
   * @param rewind runs a verb
   */
  public PractiseCommand(BiConsumer<PrintStream, String[]> rewind) {
    this.rewind = rewind;
  }

  @Override
  public Integer call() throws IOException {
    Path index = Files.createTempDirectory("rewind-practise-");
    PrintStream before = System.err;
    System.setErr(new PrintStream(new ByteArrayOutputStream(), false, StandardCharsets.UTF_8));
    try {
      Matcher task = TASK.matcher(run("log", "--json", "--type", "TaskStarted"));
      String id = task.find() ? task.group(1) : "daemon";
      for (int i = 0; i < ROUNDS; i++) {
        run("verify");
        run("what-if");
        run("state");
        run("state", "--at", "3", "--json");
        run("log");
        run("stats");
        run("index", "--index", index.toString());
        for (String verb : List.of("timeline", "explain")) {
          run(verb, id, "--index", index.toString());
          run(verb, id, "--no-index");
        }
      }
    } finally {
      System.setErr(before);
      delete(index);
    }
    return 0;
  }

  private String run(String verb, String... more) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String[] words =
        Stream.concat(Stream.of(verb, where.toString()), Stream.of(more)).toArray(String[]::new);
    rewind.accept(new PrintStream(out, true, StandardCharsets.UTF_8), words);
    return out.toString(StandardCharsets.UTF_8);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}

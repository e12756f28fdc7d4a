package dev.retainerd.eventlog.chronicle;

import dev.retainerd.eventlog.LogOptions;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM of its own that appends, forces, and then says up to where it did, until it is killed. */
final class WritingChild {
  private WritingChild() {}

  public static void main(String[] args) {
    PrintStream out = new PrintStream(System.out, true);
    LogOptions options =
        LogOptions.standard(Path.of(args[0])).withSizes(1 << 20, 2L << 20, 1L << 20);
    try (ChronicleEventLog log = ChronicleEventLog.open(options)) {
      while (true) {
        long next = log.lastSequence() + 1;
        log.append(Drafts.batch(next, 1 + (int) (next % 7), (int) (next * 37 % 3000)));
        log.force();
        out.println(log.durableSequence());
      }
    }
  }

  /** Starts one; its first line comes when it has made its first event durable. */
  static Process start(Path log) throws IOException {
    return start(log, List.of());
  }

  /** The same under another program, such as a tracer. */
  static Process start(Path log, List<String> under) throws IOException {
    return start(log, under, WritingChild.class, List.of(log.toString()));
  }

  /** Another program of these tests, with the same flags. */
  static Process start(Path log, List<String> under, Class<?> main, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>(under);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Duser.home=" + log.getParent(),
            "-cp",
            System.getProperty("java.class.path"),
            main.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command)
        .redirectError(new File(log.getParent().toFile(), "child.err"))
        .start();
  }
}

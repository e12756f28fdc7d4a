package dev.retainerd.runtime.logging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lines that the daemon writes to stderr. */
class StderrLogTest {
  private static final String FILE = "logback.configurationFile";
  private static final String TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ";

  private static String said(String logger, Level level, Throwable cause) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream before = System.err;
    StderrLog logging = new StderrLog();
    LoggerContext context = (LoggerContext) logging.getLoggerFactory();
    try (PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      System.setErr(err);
      logging.initialize();
      context
          .getLogger(logger)
          .atLevel(org.slf4j.event.Level.valueOf(level.levelStr))
          .setCause(cause)
          .log("all is {}", "well");
    } finally {
      context.stop();
      System.setErr(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aLineHasTimeLevelClassAndMessage() {
    String line = said("dev.retainerd.runtime.Daemon", Level.INFO, null);
    assertTrue(line.matches(TIME + "INFO  Daemon: all is well\n"), line);
    assertEquals("", said("dev.retainerd.runtime.Daemon", Level.DEBUG, null));
  }

  @Test
  void aFaultIsShownWithFewOfItsFrames() {
    String lines = said("a.B", Level.WARN, new IllegalStateException("why"));
    assertTrue(lines.matches("(?s)" + TIME + "WARN  B: all is well\n.*"), lines);
    assertTrue(lines.contains("java.lang.IllegalStateException: why\n"), lines);
    assertTrue(lines.lines().filter(line -> line.startsWith("\tat ")).count() <= 8, lines);
  }

  @Test
  void librariesSayLess() {
    assertEquals("", said("io.netty.channel.Channel", Level.INFO, null));
    assertEquals("", said("io.grpc.Server", Level.INFO, null));
    assertEquals("", said("net.openhft.chronicle.Queue", Level.WARN, null));
    assertTrue(said("io.netty.channel.Channel", Level.WARN, null).endsWith("all is well\n"));
  }

  @Test
  void anotherLogIsNamedByItsFile(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("log.xml"),
            """
            <configuration><appender name="e" class="ch.qos.logback.core.ConsoleAppender">
            <target>System.err</target><encoder><pattern>other %msg%n</pattern></encoder>
            </appender><root level="DEBUG"><appender-ref ref="e"/></root></configuration>
            """);
    System.setProperty(FILE, file.toString());
    try {
      assertTrue(said("a.B", Level.DEBUG, null).endsWith("other all is well\n"));
      System.setProperty(FILE, folder.resolve("none.xml").toString());
      String lines = said("a.B", Level.INFO, null);
      assertTrue(lines.contains("none.xml") && lines.endsWith("B: all is well\n"), lines);
    } finally {
      System.clearProperty(FILE);
    }
  }
}

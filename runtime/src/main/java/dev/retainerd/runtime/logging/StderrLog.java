package dev.retainerd.runtime.logging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.joran.spi.ConsoleTarget;
import ch.qos.logback.core.joran.spi.JoranException;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Logger;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The log of daemon and client: logback, with lines on stderr. For programs that {@link #install}
 * it; without that logback sets itself up, as in tests.
 *
 * <p>Set up in code, since looking for a configuration in all jars and reading it from XML takes a
 * twentieth of a start. Whoever wants another log names a file of logback's in the system property
 * {@value #FILE}, as ever.
 */
public final class StderrLog implements SLF4JServiceProvider {
  private static final String FILE = "logback.configurationFile";
  private static final String PROVIDER = "slf4j.provider";
  private static final String API = "2.0.99";
  private static final String LINE =
      "%d{\"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\", UTC} %-5level %logger{0}: %msg%n%ex{8}";

  private final LoggerContext context = new LoggerContext();
  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final LogbackMDCAdapter labels = new LogbackMDCAdapter();

  /** Before the first logger is asked for; a provider that is named already stays. */
  public static void install() {
    if (System.getProperty(PROVIDER) == null) {
      System.setProperty(PROVIDER, StderrLog.class.getName());
      // Or slf4j says that it was named one.
      System.setProperty("slf4j.internal.verbosity", "WARN");
    }
  }

  @Override
  public void initialize() {
    context.setName("default");
    context.setMDCAdapter(labels);
    String file = System.getProperty(FILE, "");
    if (file.isEmpty() || !read(file)) {
      toStderr(context);
    }
    context.start();
  }

  private boolean read(String file) {
    try {
      JoranConfigurator configurator = new JoranConfigurator();
      configurator.setContext(context);
      configurator.doConfigure(file);
      return true;
    } catch (JoranException e) {
      System.err.println("the log is as ever, for " + file + ": " + e.getMessage());
      context.reset();
      return false;
    }
  }

  static void toStderr(LoggerContext context) {
    PatternLayoutEncoder encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern(LINE);
    encoder.start();
    ConsoleAppender<ILoggingEvent> stderr = new ConsoleAppender<>();
    stderr.setContext(context);
    stderr.setName("stderr");
    stderr.setTarget(ConsoleTarget.SystemErr.getName());
    stderr.setEncoder(encoder);
    stderr.start();
    context.getLogger("io.netty").setLevel(Level.WARN);
    context.getLogger("io.grpc").setLevel(Level.WARN);
    context.getLogger("net.openhft").setLevel(Level.ERROR);
    context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.INFO);
    context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(stderr);
  }

  @Override
  public ILoggerFactory getLoggerFactory() {
    return context;
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return labels;
  }

  @Override
  public String getRequestedApiVersion() {
    return API;
  }
}

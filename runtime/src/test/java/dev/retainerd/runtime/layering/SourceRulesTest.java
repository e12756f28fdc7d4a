package dev.retainerd.runtime.layering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** How the source files of every module look, where that matters enough to be a test. */
class SourceRulesTest {
  private static final Path REPOSITORY = Path.of("..").toAbsolutePath().normalize();
  private static final List<String> MODULES =
      List.of("eventlog", "store", "shim", "runtime", "replay-tool", "bench");

  /** Names that say nothing of what is inside, so that anything ends up there. */
  private static final Set<String> EMPTY_NAMES =
      Set.of("util", "utils", "common", "manager", "helper", "helpers", "misc");

  private static final Pattern EMPTY_CLASS_NAME =
      Pattern.compile(".*(Util|Utils|Manager|Helper|Helpers|Common)\\.java");

  /** About 70 is the aim; an exhaustive switch over a sealed interface needs some more. */
  private static final int METHOD_LINES_MAX = 100;

  private static final int FILE_LINES_MAX = 700;

  /** Catalogues: one record after the other, each read for itself. */
  private static final Set<String> CATALOGUES = Set.of("Event.java");

  /** A signature that ends on this line: on one line, or the last of its parameters. */
  private static final Pattern METHOD_START =
      Pattern.compile(
          "^(?:( {2}| {4})(?! |if |for |while |switch |return |case |try |synchronized |[*/@}]).*\\(.*"
              + "| {4}( {2}| {4})(?! )[^()]*)\\)( throws [\\w., ]+)? \\{$");

  @Test
  void everyPackageSaysWhatItOwns() {
    List<Path> without =
        mainSources(file -> true).stream()
            .map(Path::getParent)
            .distinct()
            .filter(
                folder -> !Files.exists(REPOSITORY.resolve(folder).resolve("package-info.java")))
            .toList();
    assertEquals(List.of(), without, "packages without package-info.java");
  }

  @Test
  void noNameIsEmpty() {
    List<Path> empty =
        mainSources(
            file ->
                EMPTY_NAMES.contains(file.getParent().getFileName().toString())
                    || EMPTY_CLASS_NAME.matcher(file.getFileName().toString()).matches());
    assertEquals(List.of(), empty, "a name must say what the thing is");
  }

  @Test
  void filesAndMethodsStayReadable() {
    List<String> tooLong = new ArrayList<>();
    for (Path file : mainSources(file -> true)) {
      List<String> lines = lines(file);
      boolean catalogue = CATALOGUES.contains(file.getFileName().toString());
      if (lines.size() > FILE_LINES_MAX && !catalogue) {
        tooLong.add(file + ": " + lines.size() + " lines");
      }
      tooLong.addAll(longMethods(file, lines));
    }
    assertEquals(List.of(), tooLong, "split these");
  }

  @Test
  void mockingLibrariesStayOut() {
    for (String module : MODULES) {
      String pom = String.join("\n", lines(REPOSITORY.resolve(module).resolve("pom.xml")));
      assertTrue(!pom.contains("mockito") && !pom.contains("easymock"), module);
    }
  }

  /**
   * Formatted sources make this easy: a method ends at the first brace with its own indentation.
   */
  private static List<String> longMethods(Path file, List<String> lines) {
    List<String> found = new ArrayList<>();
    for (int start = 0; start < lines.size(); start++) {
      Matcher matcher = METHOD_START.matcher(lines.get(start));
      if (!matcher.matches()) {
        continue;
      }
      String end = (matcher.group(1) == null ? matcher.group(2) : matcher.group(1)) + "}";
      int last = start + 1;
      while (last < lines.size() && !lines.get(last).equals(end)) {
        last++;
      }
      if (last - start - 1 > METHOD_LINES_MAX) {
        found.add(file + ":" + (start + 1) + ": a method of " + (last - start - 1) + " lines");
      }
    }
    return found;
  }

  private static List<Path> mainSources(Predicate<Path> wanted) {
    List<Path> found = new ArrayList<>();
    for (String module : MODULES) {
      Path root = REPOSITORY.resolve(module).resolve("src/main/java");
      if (!Files.isDirectory(root)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(root)) {
        files
            .filter(file -> file.toString().endsWith(".java"))
            .filter(wanted)
            .map(REPOSITORY::relativize)
            .sorted()
            .forEach(found::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return found;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(REPOSITORY.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

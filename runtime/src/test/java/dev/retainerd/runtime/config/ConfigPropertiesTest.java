package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;

/** What holds for any file. */
class ConfigPropertiesTest {
  private Path folder;

  @BeforeProperty
  void makeFolder() throws IOException {
    folder = Files.createTempDirectory("retainerd-config");
  }

  @AfterProperty
  void removeFolder() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A file is read, or refused with problems that name it; nothing else comes out. */
  private void readsOrRefuses(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("c.toml"), text);
    try {
      ConfigReader.read(file);
    } catch (ConfigException refused) {
      assertFalse(refused.problems().isEmpty());
      for (Problem problem : refused.problems()) {
        assertEquals(file, problem.file(), problem::toString);
      }
    }
  }

  @Property(tries = 300)
  void anyTextIsReadOrRefused(@ForAll String text) throws IOException {
    readsOrRefuses(text);
  }

  @Provide
  Arbitrary<String> nearlyConfigs() {
    Arbitrary<String> key =
        Arbitraries.of(KeyTable.load().keys()).map(known -> known.pattern().toString());
    Arbitrary<String> value =
        Arbitraries.of(
            "1",
            "-1",
            "true",
            "\"\"",
            "\"x\"",
            "[]",
            "[\"a\"]",
            "[1]",
            "1.5",
            "{}",
            "{a = 1}",
            "\"/p\"",
            "2020-01-01",
            "9223372036854775807",
            "\"-5s\"",
            "\"a\\u0000b\"");
    Arbitrary<String> line = Combinators.combine(key, value).as((k, v) -> k + " = " + v);
    return line.list()
        .ofMaxSize(6)
        .map(lines -> String.join("\n", lines).replace("*", "x"))
        .flatMap(text -> Arbitraries.of("", "version = 2\n", "version = 3\n").map(v -> v + text));
  }

  @Property(tries = 1000)
  void knownKeysWithAnyValuesAreReadOrRefused(@ForAll("nearlyConfigs") String text)
      throws IOException {
    readsOrRefuses(text);
  }

  @Property(tries = 50)
  void theLastOfAnyDropInsWins(@ForAll List<Boolean> sets) throws IOException {
    Path dropIns = folder.resolve("conf.d");
    Files.createDirectories(dropIns);
    try (var old = Files.newDirectoryStream(dropIns)) {
      for (Path file : old) {
        Files.delete(file);
      }
    }
    String expected = "/main";
    for (int i = 0; i < sets.size(); i++) {
      String root = sets.get(i) ? "root = \"/r" + i + "\"\n" : "";
      expected = sets.get(i) ? "/r" + i : expected;
      Files.writeString(dropIns.resolve(String.format("%05d.toml", i)), "version = 3\n" + root);
    }
    Path main =
        Files.writeString(
            folder.resolve("m.toml"),
            "version = 3\nroot = \"/main\"\nimports = [\"conf.d/*.toml\"]\n");
    LoadedConfig loaded = ConfigReader.read(main);
    assertEquals(Path.of(expected), loaded.config().root());
    assertEquals(sets.size() + 1, loaded.files().size());
  }
}

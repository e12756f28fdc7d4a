package dev.retainerd.runtime.figures;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Folders on the disk that is measured: below -Dfigures.dir, or the temp folder. */
final class Folders {
  private Folders() {}

  static Path make() throws IOException {
    Path parent = Path.of(System.getProperty("figures.dir", System.getProperty("java.io.tmpdir")));
    return Files.createTempDirectory(Files.createDirectories(parent), "figures-");
  }

  static void remove(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> tree = Files.walk(folder)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  static void copy(Path from, Path to) throws IOException {
    List<Path> all;
    try (Stream<Path> tree = Files.walk(from)) {
      all = tree.toList();
    }
    for (Path path : all) {
      Files.copy(path, to.resolve(from.relativize(path)));
    }
  }
}

package dev.retainerd.runtime.folders;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Whole folders of tests and figures. */
public final class Folders {
  private Folders() {}

  /** A new one on the disk that is measured: below -Dfigures.dir, or the temp folder. */
  public static Path make() throws IOException {
    Path parent = Path.of(System.getProperty("figures.dir", System.getProperty("java.io.tmpdir")));
    return Files.createTempDirectory(Files.createDirectories(parent), "figures-");
  }

  /** With all that is in it; nothing where there is none. */
  public static void remove(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      try (Stream<Path> tree = Files.walk(folder)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  /** To a place that is not there yet. */
  public static void copy(Path from, Path to) throws IOException {
    List<Path> all;
    try (Stream<Path> tree = Files.walk(from)) {
      all = tree.toList();
    }
    Files.createDirectories(to.getParent());
    for (Path path : all) {
      Files.copy(path, to.resolve(from.relativize(path)));
    }
  }
}

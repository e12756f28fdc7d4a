package dev.retainerd.runtime.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.DirectoryCalls;
import dev.retainerd.runtime.linux.FileStatus;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A layer made of two trees, applied on the first, makes the second. Needs root. */
@Tag("real")
class LayerComparisonTest {
  @TempDir Path temp;

  private static final String OLD =
      """
      mkdir -p "$1/etc" "$1/usr/bin" "$1/var/gone" "$1/swap"
      echo same > "$1/etc/same"; echo before > "$1/etc/changed"; echo x > "$1/etc/removed"
      echo m > "$1/etc/mode"; echo deep > "$1/var/gone/deep"; echo f > "$1/swap/f"
      ln -s same "$1/etc/link"; echo folder > "$1/becomes-folder"
      find "$1" -exec touch -h -d @1600000000 {} +
      """;

  private static final String NEW =
      """
      echo after! > "$1/etc/changed"; rm "$1/etc/removed"; chmod 4755 "$1/etc/mode"
      rm -r "$1/var/gone"; rm -r "$1/swap"; echo file > "$1/swap"
      rm "$1/becomes-folder"; mkdir "$1/becomes-folder"; echo in > "$1/becomes-folder/in"
      ln -sfn changed "$1/etc/link"; mkfifo "$1/etc/pipe"; mknod "$1/etc/null" c 1 3
      echo linked > "$1/usr/bin/one"; ln "$1/usr/bin/one" "$1/usr/bin/two"
      chown 1234:4321 "$1/usr/bin/one"
      mkdir -p "$1/opt/a/b"; echo new > "$1/opt/a/b/c"; chmod 0750 "$1/opt/a"
      printf 'bytes' > "$1/$(printf 'na\\377me')"; echo l > "$1/opt/$(printf 'n%.0s' $(seq 200))"
      """;

  private static void sh(String script, Path argument) throws Exception {
    Process process =
        new ProcessBuilder("bash", "-euc", script, "sh", argument.toString()).inheritIO().start();
    assertEquals(0, process.waitFor());
  }

  private Path folder(String name) throws IOException {
    return Files.createDirectories(temp.resolve(name));
  }

  private static LayerComparison.Side side(Path... folders) {
    return new LayerComparison.Side(List.of(folders), true);
  }

  private static byte[] layer(LayerComparison.Side left, LayerComparison.Side right)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LayerComparison.write(left, right, out, Optional.empty());
    return out.toByteArray();
  }

  private static void apply(byte[] layer, Path onto) throws IOException {
    LayerApplier.apply(
        new ByteArrayInputStream(layer), onto, Whiteouts.DIRECT, List.of(), Bounds.USUAL);
  }

  private static List<String> names(byte[] layer) throws IOException {
    List<String> names = new ArrayList<>();
    TarReader reader = new TarReader(new ByteArrayInputStream(layer));
    for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
      names.add(entry.get().name());
    }
    return names;
  }

  /** Every name with all that a layer carries of it. */
  private static Map<String, String> seen(Path root) throws Exception {
    // find(1) prints names byte by byte, whatever they hold.
    Process find =
        new ProcessBuilder(
                "find", root.toString(), "-mindepth", "1", "-printf", "%P %y %m %U %G %l %n\\n")
            .start();
    Map<String, String> seen = new TreeMap<>();
    new String(find.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.ISO_8859_1)
        .lines()
        // A merged folder counts no links.
        .map(line -> line.contains(" d ") ? line.substring(0, line.lastIndexOf(' ')) : line)
        .forEach(line -> seen.put(line.substring(0, line.indexOf(' ')), line));
    assertEquals(0, find.waitFor());
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file :
          files.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).toList()) {
        seen.merge(
            root.relativize(file).toString(), Files.readString(file), (line, text) -> line + text);
      }
    }
    return seen;
  }

  @Test
  void theLayerMakesTheRightTreeOfTheLeftOne() throws Exception {
    Path left = folder("left");
    sh(OLD, left);
    Path right = temp.resolve("right");
    sh("cp -a \"$1/left\" \"$1/right\"", temp);
    sh(NEW, right);
    Path copy = temp.resolve("copy");
    sh("cp -a \"$1/left\" \"$1/copy\"", temp);

    byte[] layer = layer(side(left), side(right));
    apply(layer, copy);

    assertEquals(seen(right), seen(copy));
    List<String> names = names(layer);
    assertFalse(names.contains("etc/same"), names.toString());
    assertEquals(names.size(), names.stream().distinct().count(), "no name twice");
    assertEquals(List.of(), names(layer(side(right), side(right))));
  }

  @Test
  void gnuTarReadsTheLayerAndFindsNothingWrong() throws Exception {
    Path right = folder("right");
    sh(OLD + NEW, right);
    Path file = Files.write(temp.resolve("layer.tar"), layer(side(), side(right)));
    Path out = folder("out");
    sh(
        "tar -C \"$1/out\" --xattrs --xattrs-include='user.*' --same-owner -xf \"$1/layer.tar\"",
        temp);
    assertEquals(seen(right), seen(out));
    assertEquals(0, Files.size(file) % 512);
  }

  @Test
  void overlayMarksAreUnderstoodWithoutAMount() throws Exception {
    Path lower = folder("lower");
    sh(OLD, lower);
    Path upper = folder("upper");
    Path work = folder("work");
    Path merged = folder("merged");
    String options = "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work;
    Process mount =
        new ProcessBuilder("mount", "-t", "overlay", "overlay", "-o", options, merged.toString())
            .inheritIO()
            .start();
    assertEquals(0, mount.waitFor());
    Map<String, String> wanted;
    try {
      sh(NEW + "rm -r \"$1/usr\"; mkdir -p \"$1/usr/bin\"; echo o > \"$1/usr/bin/only\"", merged);
      wanted = seen(merged);
    } finally {
      new ProcessBuilder("umount", merged.toString()).inheritIO().start().waitFor();
    }
    byte[] layer = layer(side(lower), side(upper, lower));
    Path copy = temp.resolve("copy");
    sh("cp -a \"$1/lower\" \"$1/copy\"", temp);
    apply(layer, copy);
    assertEquals(wanted, seen(copy));
    assertFalse(names(layer).contains("etc/same"));

    // And the whole of it, against nothing.
    Path whole = folder("whole");
    apply(layer(side(), side(upper, lower)), whole);
    assertEquals(wanted, seen(whole));
  }

  @Test
  void filesOfOneSecondAreComparedByTheirBytes() throws Exception {
    Path left = folder("left");
    Path right = folder("right");
    Files.writeString(left.resolve("f"), "aaaa");
    Files.writeString(right.resolve("f"), "aaab");
    for (Path side : List.of(left, right)) {
      Files.setLastModifiedTime(side.resolve("f"), FileTime.from(1_600_000_000, TimeUnit.SECONDS));
    }
    assertEquals(List.of("f"), names(layer(side(left), side(right))));
    Files.writeString(right.resolve("f"), "aaaa");
    Files.setLastModifiedTime(right.resolve("f"), FileTime.from(1_600_000_000, TimeUnit.SECONDS));
    assertEquals(List.of(), names(layer(side(left), side(right))));
  }

  @Test
  void aRedirectedFolderIsRefusedByName() throws Exception {
    Path upper = folder("upper");
    Files.createDirectory(upper.resolve("moved"));
    DirectoryCalls.setXattr(
        DirectoryCalls.CWD,
        DirectoryCalls.name(upper.resolve("moved").toString()),
        DirectoryCalls.name("trusted.overlay.redirect"),
        DirectoryCalls.name("/old"));
    Refusal refused = assertThrows(Refusal.class, () -> layer(side(folder("lower")), side(upper)));
    assertEquals(Refusal.Code.FAILED_PRECONDITION, refused.code());
    assertEquals(true, refused.sentence().contains("moved"), refused.sentence());
  }

  @Test
  void aLinkThatLeadsOutIsWrittenAndNotFollowed() throws Exception {
    Path right = folder("right");
    Files.createSymbolicLink(right.resolve("out"), Path.of("/etc"));
    Map<String, TarEntry> entries = new HashMap<>();
    TarReader reader = new TarReader(new ByteArrayInputStream(layer(side(), side(right))));
    for (Optional<TarEntry> e = reader.next(); e.isPresent(); e = reader.next()) {
      entries.put(e.get().name(), e.get());
    }
    assertEquals(1, entries.size());
    assertEquals("/etc", entries.get("out").link());
    FileStatus link = DirectoryCalls.stat(DirectoryCalls.CWD, DirectoryCalls.name(right + "/out"));
    assertEquals(link.modifiedNanos() / 1_000_000_000L, entries.get("out").modifiedSeconds());
  }
}

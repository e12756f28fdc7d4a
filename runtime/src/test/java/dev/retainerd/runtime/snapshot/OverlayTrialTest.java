package dev.retainerd.runtime.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On real file systems, mounted for the test: which of them can carry overlays. */
@Tag("real")
class OverlayTrialTest {
  @TempDir Path temp;
  private final List<Path> mounted = new ArrayList<>();

  @AfterEach
  void unmount() throws Exception {
    for (Path target : mounted.reversed()) {
      run("umount", target.toString());
    }
  }

  private static boolean run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    return process.waitFor(30, TimeUnit.SECONDS) && process.exitValue() == 0;
  }

  private Optional<Path> mount(String name, String... arguments) throws Exception {
    Path target = Files.createDirectories(temp.resolve(name));
    List<String> command = new ArrayList<>(List.of("mount"));
    command.addAll(List.of(arguments));
    command.add(target.toString());
    if (!run(command.toArray(String[]::new))) {
      return Optional.empty();
    }
    mounted.add(target);
    return Optional.of(target);
  }

  private static long left(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(path -> !path.endsWith("lost+found")).count();
    }
  }

  private Path overlay() throws Exception {
    for (String part : List.of("l", "u", "w")) {
      Files.createDirectories(temp.resolve(part));
    }
    return mount(
            "o",
            "-t",
            "overlay",
            "-o",
            "lowerdir=%1$s/l,upperdir=%1$s/u,workdir=%1$s/w".formatted(temp),
            "overlay")
        .orElseThrow();
  }

  @Test
  void aFileSystemForOverlaysPassesAndNothingIsLeft() throws Exception {
    Path memory = mount("memory", "-t", "tmpfs", "-o", "size=1m", "tmpfs").orElseThrow();
    for (Path folder : List.of(memory, Files.createDirectory(temp.resolve("plain")))) {
      assertEquals(Optional.empty(), OverlayTrial.faultOn(folder));
      assertEquals(Optional.empty(), OverlayFolders.missingOn(folder));
      assertEquals(0, left(folder));
    }
  }

  @Test
  void anOverlayCannotCarryAnother() throws Exception {
    Path folder = overlay();
    Optional<String> fault = OverlayTrial.faultOn(folder);
    assertTrue(fault.isPresent(), "by trial");
    assertTrue(OverlayFolders.missingOn(folder).orElse("").contains("which is on overlay"));
    assertEquals(0, left(folder));
  }

  @Test
  void whatADaemonLeftThatWasKilledInTheMiddleIsNotInTheWay() throws Exception {
    Path folder = mount("memory", "-t", "tmpfs", "-o", "size=1m", "tmpfs").orElseThrow();
    Path merged = Files.createDirectories(folder.resolve("trial/merged"));
    assertTrue(run("mount", "-t", "tmpfs", "tmpfs", merged.toString()));
    assertEquals(Optional.empty(), OverlayTrial.faultOn(folder));
    assertEquals(0, left(folder));
  }

  @Test
  void aFileSystemThatKeepsNoAttributesCarriesNone() throws Exception {
    Path folder = mount("bare", "-t", "ramfs", "ramfs").orElseThrow();
    String fault = OverlayFolders.missingOn(folder).orElse("");
    assertTrue(fault.contains("ramfs: overlayfs's attributes are not kept: not supported"), fault);
    assertEquals(0, left(folder));
  }

  /** What is there was made by something: it is not tried again at each start. */
  @Test
  void whereThereAreSnapshotsNothingIsTried() throws Exception {
    Path folder = Files.createDirectory(temp.resolve("used"));
    OverlayFolders.open(folder.resolve(OverlayFolders.NAME))
        .make(1, Purpose.ACTIVE, Optional.empty());
    Files.writeString(folder.resolve("trial"), "would be in the way of a trial");
    assertEquals(Optional.empty(), OverlayFolders.missingOn(folder));
    assertTrue(Files.isRegularFile(folder.resolve("trial")));
  }
}

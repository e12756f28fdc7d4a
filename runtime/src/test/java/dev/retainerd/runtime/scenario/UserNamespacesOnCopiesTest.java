package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;

/** The same where containers stand in whole copies, mounted with their owners mapped. */
class UserNamespacesOnCopiesTest extends UserNamespacesTest {
  private Path snapshots;

  @Override
  String runtime(Node of) {
    snapshots = of.root().resolve("snapshots");
    return """

        [plugins."io.containerd.grpc.v1.cri".containerd]
          snapshotter = "native"
        """;
  }

  /** The kernel makes a folder in the work folder of an overlay that is mounted for writing. */
  @AfterAll
  void noContainerStoodInAnOverlay() throws IOException {
    try (Stream<Path> images = Files.list(snapshots.resolve("overlayfs"))) {
      assertEquals(
          List.of(), images.filter(path -> Files.exists(path.resolve("work/work"))).toList());
    }
    try (Stream<Path> copies = Files.list(snapshots.resolve("native"))) {
      assertTrue(copies.findAny().isPresent());
    }
  }
}

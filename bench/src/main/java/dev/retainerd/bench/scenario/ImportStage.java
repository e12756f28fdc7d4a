package dev.retainerd.bench.scenario;

import dev.retainerd.bench.image.LayeredImage;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Images;
import dev.retainerd.bench.node.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code ctr images import} of an image that the target doesn't have, unpacked. */
final class ImportStage implements Stage {
  private static final String REFERENCE = "docker.io/retain/import:1";
  private static final int LAYERS = 4;

  @Override
  public String name() {
    return "import";
  }

  @Override
  public String title(Sizes sizes) {
    return "ctr images import of " + sizes.imageMegabytes() + " MB in " + LAYERS + " layers";
  }

  @Override
  public int rounds(Sizes sizes) {
    return Math.max(2, sizes.rounds() / 6);
  }

  @Override
  public int warmUp(Sizes sizes) {
    return Math.min(1, sizes.warmUp());
  }

  @Override
  public List<Scenario> turns(Setting setting) throws Exception {
    Path archive = setting.folder().resolve("import.tar");
    LayeredImage.make(
            setting.folder().resolve("import"),
            LAYERS,
            setting.sizes().imageMegabytes() * 1_000_000L)
        .writeArchive(REFERENCE, archive);
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Import(target, archive)));
    return turns;
  }

  private record Import(Target runtime, Path archive) implements Scenario {
    @Override
    public String target() {
      return runtime.name();
    }

    @Override
    public Readings round(int number) throws Exception {
      OfDaemon processor = OfDaemon.begin(runtime);
      long started = System.nanoTime();
      Images.importArchive(runtime, archive, Target.NAMESPACE);
      long imported = System.nanoTime();
      Readings readings = processor.addTo(new Readings());
      Images.remove(runtime, REFERENCE, Target.NAMESPACE);
      return readings
          .addNanos("import", imported - started)
          .addNanos("remove", System.nanoTime() - imported);
    }

    @Override
    public void close() {
      try {
        Files.deleteIfExists(archive);
      } catch (java.io.IOException e) {
        System.err.println("retain-bench: " + archive + ": " + e.getMessage());
      }
    }
  }
}

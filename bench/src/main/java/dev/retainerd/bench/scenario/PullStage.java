package dev.retainerd.bench.scenario;

import dev.retainerd.bench.image.LayeredImage;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.NodeException;
import dev.retainerd.bench.node.Registry;
import dev.retainerd.bench.node.Target;
import dev.retainerd.bench.node.Traces;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.RemoveImageRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Pull and unpack of an image that the target doesn't have, from a registry on loopback; skopeo,
 * which unpacks nothing, is the floor. The registry says how many bytes went over the wire: a round
 * in which the image was not fetched whole is a failed round.
 */
final class PullStage implements Stage {
  private static final String METRIC = "pull and unpack";
  private static final int SMALL_LAYER_BYTES = 64 << 10;
  private static final int BIG_LAYERS = 4;

  private final String name;
  private final int atOnce;
  private final Function<Sizes, Integer> layers;
  private final Function<Sizes, Long> bytes;

  private PullStage(
      String name, int atOnce, Function<Sizes, Integer> layers, Function<Sizes, Long> bytes) {
    this.name = name;
    this.atOnce = atOnce;
    this.layers = layers;
    this.bytes = bytes;
  }

  /** A few layers, many bytes. */
  static PullStage big() {
    return new PullStage("pull", 1, sizes -> BIG_LAYERS, PullStage::bigBytes);
  }

  /** Many layers of a few bytes. */
  static PullStage small() {
    return new PullStage(
        "pull-small",
        1,
        Sizes::smallLayers,
        sizes -> (long) sizes.smallLayers() * SMALL_LAYER_BYTES);
  }

  /** Twenty callers want the same image. */
  static PullStage many() {
    return new PullStage("pull-many", 20, sizes -> BIG_LAYERS, PullStage::bigBytes);
  }

  private static long bigBytes(Sizes sizes) {
    return sizes.imageMegabytes() * 1_000_000L;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String title(Sizes sizes) {
    return String.format(
        java.util.Locale.ROOT,
        "pull and unpack over CRI: %.0f MB in %d layers, %s; floor: skopeo copy",
        bytes.apply(sizes) / 1e6,
        layers.apply(sizes),
        atOnce == 1 ? "one call" : atOnce + " calls at once");
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
    Path folder = Files.createDirectories(setting.folder().resolve(name));
    LayeredImage image =
        LayeredImage.make(
            folder.resolve("image"), layers.apply(setting.sizes()), bytes.apply(setting.sizes()));
    Registry registry = Registry.start(folder);
    try {
      registry.push(name, image);
    } catch (NodeException e) {
      registry.close();
      throw e;
    }
    List<Scenario> turns = new ArrayList<>();
    for (Target target : setting.targets()) {
      turns.add(new Pull(target, registry, name, image.size(), atOnce));
    }
    if (Commands.has("skopeo")) {
      turns.add(new Skopeo(registry, name, folder));
    } else {
      System.err.println("retain-bench: skopeo is not installed; " + name + " has no floor");
    }
    return turns;
  }

  private record Pull(Target runtime, Registry registry, String name, long size, int atOnce)
      implements Scenario {
    private static final double WHOLE = 0.99;

    @Override
    public Readings round(int number) throws Exception {
      ImageSpec image = ImageSpec.newBuilder().setImage(registry.reference(name)).build();
      long sentBefore = registry.sentBytes();
      try (Pods pods = new Pods(runtime, name)) {
        long nanos =
            AtOnce.run(
                atOnce,
                atOnce,
                i ->
                    pods.client()
                        .criImages()
                        .pullImage(PullImageRequest.newBuilder().setImage(image).build()));
        // The registry notes what it sent when it has sent it: after the puller has got it.
        TimeUnit.MILLISECONDS.sleep(200);
        long sent = registry.sentBytes() - sentBefore;
        if (sent < size * WHOLE) {
          throw new IllegalStateException(
              "the image has " + size + " bytes, and only " + sent + " were fetched");
        }
        pods.client()
            .criImages()
            .removeImage(RemoveImageRequest.newBuilder().setImage(image).build());
        return new Readings()
            .addNanos(METRIC, nanos)
            .add(new Metric("over the wire", Unit.MEGABYTES), sent / 1e6);
      }
    }

    @Override
    public String target() {
      return runtime.name();
    }

    @Override
    public void close() {
      registry.close();
    }
  }

  private record Skopeo(Registry registry, String name, Path folder) implements Scenario {
    private static final int SECONDS_MAX = 120;

    @Override
    public String target() {
      return "skopeo copy";
    }

    @Override
    public boolean floor() {
      return true;
    }

    @Override
    public Readings round(int number) throws Exception {
      Path copy = folder.resolve("copy");
      long started = System.nanoTime();
      Commands.run(
          SECONDS_MAX,
          "skopeo",
          "copy",
          "--src-tls-verify=false",
          "docker://" + registry.reference(name),
          "dir:" + copy);
      long nanos = System.nanoTime() - started;
      Traces.delete(copy);
      return new Readings().addNanos(METRIC, nanos);
    }

    @Override
    public void close() {
      registry.close();
    }
  }
}

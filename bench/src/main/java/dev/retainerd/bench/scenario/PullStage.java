package dev.retainerd.bench.scenario;

import dev.retainerd.bench.image.LayeredImage;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.Node;
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

  /** What a daemon does after its first answer is not what is measured. */
  private static final long SETTLE_SECONDS = 1;

  private final String name;
  private final int atOnce;
  private final boolean fresh;
  private final Function<Sizes, Integer> layers;
  private final Function<Sizes, Long> bytes;

  private PullStage(
      String name,
      int atOnce,
      boolean fresh,
      Function<Sizes, Integer> layers,
      Function<Sizes, Long> bytes) {
    this.name = name;
    this.atOnce = atOnce;
    this.fresh = fresh;
    this.layers = layers;
    this.bytes = bytes;
  }

  /** A few layers, many bytes. */
  static PullStage big() {
    return new PullStage("pull", 1, false, sizes -> BIG_LAYERS, PullStage::bigBytes);
  }

  /** Many layers of a few bytes. */
  static PullStage small() {
    return new PullStage("pull-small", 1, false, Sizes::smallLayers, PullStage::smallBytes);
  }

  /** Twenty callers want the same image. */
  static PullStage many() {
    return new PullStage("pull-many", 20, false, sizes -> BIG_LAYERS, PullStage::bigBytes);
  }

  /** As {@link #big}, each time the first of a daemon that was started a moment before. */
  static PullStage first() {
    return new PullStage("pull-first", 1, true, sizes -> BIG_LAYERS, PullStage::bigBytes);
  }

  /** As {@link #small}, each time the first. */
  static PullStage firstSmall() {
    return new PullStage("pull-first-small", 1, true, Sizes::smallLayers, PullStage::smallBytes);
  }

  private static long smallBytes(Sizes sizes) {
    return (long) sizes.smallLayers() * SMALL_LAYER_BYTES;
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
        atOnce > 1
            ? atOnce + " calls at once"
            : fresh ? "the first of a fresh daemon" : "one call");
  }

  @Override
  public boolean needsOwnNodes() {
    return fresh;
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
    Restart restart =
        !fresh ? Restart.NONE : setting.sizes().settled() ? Restart.SETTLED : Restart.AT_ONCE;
    List<Scenario> turns = new ArrayList<>();
    for (Target target : setting.targets()) {
      if (!fresh || target.own().isPresent()) {
        turns.add(new Pull(target, registry, name, image.size(), atOnce, restart));
      }
    }
    if (Commands.has("skopeo")) {
      turns.add(new Skopeo(registry, name, folder));
    } else {
      System.err.println("retain-bench: skopeo is not installed; " + name + " has no floor");
    }
    return turns;
  }

  /** Of the daemon, before each pull. */
  private enum Restart {
    NONE,
    AT_ONCE,
    SETTLED
  }

  private record Pull(
      Target runtime, Registry registry, String name, long size, int atOnce, Restart restart)
      implements Scenario {
    private static final double WHOLE = 0.99;
    private static final long NOTED_SECONDS_MAX = 5;

    @Override
    public Readings round(int number) throws Exception {
      if (restart != Restart.NONE) {
        Node node = runtime.own().orElseThrow();
        node.stopDaemon();
        node.launch();
      }
      if (restart == Restart.SETTLED) {
        TimeUnit.SECONDS.sleep(SETTLE_SECONDS);
      }
      OfDaemon processor = OfDaemon.begin(runtime);
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
        Readings readings = processor.addTo(new Readings().addNanos(METRIC, nanos));
        long sent = noted(sentBefore);
        if (sent < size * WHOLE) {
          throw new IllegalStateException(
              "the image has " + size + " bytes, and only " + sent + " were fetched");
        }
        pods.client()
            .criImages()
            .removeImage(RemoveImageRequest.newBuilder().setImage(image).build());
        return readings.add(new Metric("over the wire", Unit.MEGABYTES), sent / 1e6);
      }
    }

    /** The registry notes what it sent when it has sent it: after the puller has got it. */
    private long noted(long before) throws Exception {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(NOTED_SECONDS_MAX);
      TimeUnit.MILLISECONDS.sleep(200);
      while (registry.sentBytes() - before < size * WHOLE && System.nanoTime() < deadline) {
        TimeUnit.MILLISECONDS.sleep(100);
      }
      return registry.sentBytes() - before;
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

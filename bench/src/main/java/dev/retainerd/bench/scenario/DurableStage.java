package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** The smallest change that a runtime must not forget, beside one bare write and its fsync. */
final class DurableStage implements Stage {
  private static final String METRIC = "record a container";

  @Override
  public String name() {
    return "durable";
  }

  @Override
  public String title(Sizes sizes) {
    return "record of a container and its removal; floor: write 300 B and fsync";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Records(target, setting.rootfs())));
    turns.add(new WriteAndForce(setting.folder()));
    return turns;
  }

  private static final class Records extends ContainerScenario {
    Records(Target target, Path rootfs) {
      super(target, rootfs);
    }

    @Override
    public Readings round(int number) {
      String id = Containers.id("record", number);
      long started = System.nanoTime();
      containers.create(id, List.of("/bin/true"));
      long created = System.nanoTime();
      containers.delete(id);
      return new Readings()
          .addNanos(METRIC, created - started)
          .addNanos("remove the record", System.nanoTime() - created);
    }
  }

  private static final class WriteAndForce implements Scenario {
    private static final int BYTES = 300;

    private final Path file;
    private FileChannel channel;
    private long position;

    WriteAndForce(Path folder) {
      this.file = folder.resolve("forced");
    }

    @Override
    public String target() {
      return "write + fsync";
    }

    @Override
    public boolean floor() {
      return true;
    }

    /** Grown beforehand: a log writes into space that it has, too. */
    @Override
    public void prepare() throws Exception {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      channel.write(ByteBuffer.allocate(1 << 20));
      channel.force(true);
    }

    @Override
    public Readings round(int number) throws Exception {
      ByteBuffer bytes = ByteBuffer.allocate(BYTES);
      long started = System.nanoTime();
      position += channel.write(bytes, position);
      channel.force(false);
      return new Readings().addNanos(METRIC, System.nanoTime() - started);
    }

    @Override
    public void close() {
      try {
        if (channel != null) {
          channel.close();
        }
      } catch (java.io.IOException e) {
        System.err.println("retain-bench: " + file + ": " + e.getMessage());
      }
    }
  }
}

package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.cri.v1.Mount;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A container that prints as fast as it can, until its last line stands in the CRI log. Every line
 * must be there. The floor is {@code cat fifo > file}, which formats nothing.
 */
final class LogStage implements Stage {
  private static final Metric METRIC = new Metric("output into the log", Unit.MEGABYTES_PER_SECOND);
  private static final String LINE = "a line of a hundred bytes, as a chatty service prints them ";
  private static final int LINE_BYTES = 100;
  private static final String END = "the end";

  @Override
  public String name() {
    return "logs";
  }

  @Override
  public String title(Sizes sizes) {
    return sizes.logMegabytes() + " MB in lines of 100 B into the CRI log; floor: cat fifo > file";
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
    Path data = Files.createDirectories(setting.folder().resolve("lines"));
    long lines = setting.sizes().logMegabytes() * 1_000_000L / LINE_BYTES;
    try (OutputStream out =
        new BufferedOutputStream(Files.newOutputStream(data.resolve("lines")), 1 << 20)) {
      for (long i = 0; i < lines - 1; i++) {
        String number = String.valueOf(i);
        String line = LINE + ".".repeat(LINE_BYTES - 1 - LINE.length() - number.length()) + number;
        out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
      }
      out.write((END + "\n").getBytes(StandardCharsets.US_ASCII));
    }
    List<Scenario> turns = new ArrayList<>();
    setting.targets().forEach(target -> turns.add(new Prints(target, setting, data, lines)));
    turns.add(new CatFloor(data));
    return turns;
  }

  private static Readings reading(Path data, long nanos) throws IOException {
    double megabytes = Files.size(data.resolve("lines")) / 1e6;
    return new Readings().add(METRIC, megabytes / (nanos / 1e9));
  }

  private static final class Prints extends PodScenario {
    private static final long NANOS_MAX = TimeUnit.SECONDS.toNanos(120);
    private static final int TAIL_BYTES = 64;

    private final Setting setting;
    private final Path data;
    private final long lines;
    private final List<String> started = new ArrayList<>();

    Prints(Target target, Setting setting, Path data, long lines) {
      super(target, setting.busybox(), new Pods(target, "logs"));
      this.setting = setting;
      this.data = data;
      this.lines = lines;
    }

    @Override
    public void prepare() throws Exception {
      super.prepare();
      started.add(pods.run(0));
    }

    @Override
    public Readings round(int number) throws Exception {
      Mount mount =
          Mount.newBuilder()
              .setHostPath(data.toString())
              .setContainerPath("/data")
              .setReadonly(true)
              .build();
      String name = "prints-" + number;
      String container =
          pods.create(
              started.getFirst(), 0, name, List.of("/bin/cat", "/data/lines"), List.of(mount));
      Path log = pods.logs(0).resolve(name + ".log");
      long from = System.nanoTime();
      pods.start(container);
      awaitEnd(log, from + NANOS_MAX);
      long nanos = System.nanoTime() - from;
      long found = lines(log);
      if (found != lines) {
        throw new IllegalStateException(
            found + " of " + lines + " lines stand in the log of " + target.name());
      }
      pods.awaitExit(container);
      pods.remove(container);
      Files.deleteIfExists(log);
      return reading(data, nanos);
    }

    private static void awaitEnd(Path log, long deadline) throws IOException, InterruptedException {
      ByteBuffer tail = ByteBuffer.allocate(TAIL_BYTES);
      while (true) {
        if (Files.exists(log)) {
          try (FileChannel channel = FileChannel.open(log, StandardOpenOption.READ)) {
            tail.clear();
            channel.read(tail, Math.max(0, channel.size() - TAIL_BYTES));
            String text = new String(tail.array(), 0, tail.position(), StandardCharsets.US_ASCII);
            if (text.endsWith(" " + END + "\n")) {
              return;
            }
          }
        }
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException(
              "the last line did not reach " + log + " within 120 s of its container's start");
        }
        Thread.sleep(1);
      }
    }

    private static long lines(Path log) throws IOException {
      long found = 0;
      byte[] buffer = new byte[1 << 20];
      try (InputStream in = Files.newInputStream(log)) {
        for (int read = in.read(buffer); read > 0; read = in.read(buffer)) {
          for (int i = 0; i < read; i++) {
            found += buffer[i] == '\n' ? 1 : 0;
          }
        }
      }
      return found;
    }

    @Override
    public void close() {
      pods.endQuietly(started);
      pods.close();
    }
  }

  private record CatFloor(Path data) implements Scenario {
    @Override
    public String target() {
      return "cat fifo > file";
    }

    @Override
    public boolean floor() {
      return true;
    }

    @Override
    public Readings round(int number) throws Exception {
      Path fifo = data.resolve("fifo");
      Path copy = data.resolve("copy");
      Commands.run(10, "mkfifo", fifo.toString());
      String pipe = "cat %s/lines > %s & cat %s > %s; wait".formatted(data, fifo, fifo, copy);
      long started = System.nanoTime();
      Commands.run(120, "sh", "-c", pipe);
      long nanos = System.nanoTime() - started;
      Files.delete(fifo);
      Files.delete(copy);
      return reading(data, nanos);
    }
  }
}

package dev.retainerd.bench.scenario;

import com.google.protobuf.Empty;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Target;
import dev.retainerd.wire.cri.v1.VersionRequest;
import java.util.ArrayList;
import java.util.List;

/** The shortest calls there are: what each request pays for the socket and the server alone. */
final class CallStage implements Stage {
  private static final int CALLS = 50;

  @Override
  public String name() {
    return "call";
  }

  @Override
  public String title(Sizes sizes) {
    return "round trip of Version, " + CALLS + " calls a round";
  }

  @Override
  public List<Scenario> turns(Setting setting) {
    return new ArrayList<>(setting.targets().stream().map(Calls::new).toList());
  }

  private static final class Calls implements Scenario {
    private final Target target;
    private final RuntimeClient client;

    Calls(Target target) {
      this.target = target;
      this.client = target.connect();
    }

    @Override
    public String target() {
      return target.name();
    }

    @Override
    public Readings round(int number) {
      Readings readings = new Readings();
      for (int i = 0; i < CALLS; i++) {
        long started = System.nanoTime();
        client.cri().version(VersionRequest.getDefaultInstance());
        readings.addNanos("Version (CRI)", System.nanoTime() - started);
      }
      for (int i = 0; i < CALLS && target.own().isPresent(); i++) {
        long started = System.nanoTime();
        client.version().version(Empty.getDefaultInstance());
        readings.addNanos("Version (containerd API)", System.nanoTime() - started);
      }
      return readings;
    }

    @Override
    public void close() {
      client.close();
    }
  }
}

package dev.retainerd.bench.scenario;

import dev.retainerd.bench.measure.Phases;
import dev.retainerd.bench.measure.Readings;
import dev.retainerd.bench.node.Commands;
import dev.retainerd.bench.node.NodeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A network namespace and the plugins that connect it, without any runtime: no pod with an address
 * is faster to be had than this.
 */
final class CniFloor implements Scenario {
  private static final int SECONDS_MAX = 30;

  private final Path folder;
  private final String bridge = "rbf" + ProcessHandle.current().pid() % 1_000_000;

  CniFloor(Path folder) {
    this.folder = folder;
  }

  @Override
  public String target() {
    return "CNI alone";
  }

  @Override
  public boolean floor() {
    return true;
  }

  @Override
  public void prepare() throws IOException {
    Files.writeString(
        folder.resolve("cni.json"),
        """
        {"cniVersion": "0.4.0", "name": "%1$s", "type": "bridge", "bridge": "%1$s",
         "isGateway": true,
         "ipam": {"type": "host-local", "dataDir": "%2$s/ipam",
                  "ranges": [[{"subnet": "10.199.%3$d.0/24"}]]}}
        """
            .formatted(bridge, folder, ProcessHandle.current().pid() % 250));
    Files.writeString(
        folder.resolve("loopback.json"),
        "{\"cniVersion\": \"0.4.0\", \"name\": \"lo\", \"type\": \"loopback\"}");
  }

  @Override
  public Readings round(int number) throws Exception {
    String network = bridge + "-" + number;
    Phases phases = new Phases();
    Commands.run(SECONDS_MAX, "ip", "netns", "add", network);
    try {
      plugin("loopback", "ADD", network, "lo", "loopback.json");
      plugin("bridge", "ADD", network, "eth0", "cni.json");
      phases.lap("run pod");
      plugin("bridge", "DEL", network, "eth0", "cni.json");
    } finally {
      Commands.run(SECONDS_MAX, "ip", "netns", "delete", network);
    }
    phases.lap("stop pod");
    return phases.finish();
  }

  private void plugin(String plugin, String verb, String network, String device, String config)
      throws NodeException {
    String bin =
        Files.isExecutable(Path.of("/opt/cni/bin/bridge")) ? "/opt/cni/bin" : "/usr/lib/cni";
    Commands.run(
        SECONDS_MAX,
        folder.resolve(config),
        "env",
        "CNI_COMMAND=" + verb,
        "CNI_CONTAINERID=" + network,
        "CNI_NETNS=/var/run/netns/" + network,
        "CNI_IFNAME=" + device,
        "CNI_PATH=" + bin,
        bin + "/" + plugin);
  }

  @Override
  public void close() {
    try {
      Commands.run(SECONDS_MAX, "ip", "link", "delete", bridge);
    } catch (NodeException e) {
      System.err.println("retain-bench: " + e.getMessage());
    }
  }
}

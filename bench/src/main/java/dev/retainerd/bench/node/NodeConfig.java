package dev.retainerd.bench.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The config.toml and the CNI configuration of a node in a folder of its own. The same text is read
 * by containerd and by retainerd, so that both do the same work.
 *
 * @param folder everything of the node lies below it
 * @param bridge name of its bridge; at most 15 characters, as the kernel has it
 * @param subnet the first three numbers of its /24, such as {@code 10.213.7}
 * @param cgroup parent of all its containers, as a path from the root
 */
record NodeConfig(Path folder, String bridge, String subnet, String cgroup) {
  Path socket() {
    return folder.resolve("node.sock");
  }

  /** Writes both; returns the path of config.toml. */
  Path write() throws IOException {
    Path network = Files.createDirectories(folder.resolve("net.d"));
    Files.writeString(network.resolve("10-bench.conflist"), networkList());
    Path config = folder.resolve("config.toml");
    Files.writeString(config, toml(network));
    return config;
  }

  private String toml(Path network) {
    return """
        version = 2
        root = "%1$s/root"
        state = "%1$s/state"

        [grpc]
          address = "%2$s"

        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "%3$s"
          restrict_oom_score_adj = true
          disable_tcp_service = true
          stream_server_address = "127.0.0.1"
          stream_server_port = "0"
          netns_mounts_under_state_dir = true

          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "%4$s"
            conf_dir = "%5$s"

          [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "overlayfs"
            default_runtime_name = "runc"

            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
              runtime_type = "io.containerd.runc.v2"
        """
        .formatted(folder, socket(), Target.IMAGE, pluginFolder(), network);
  }

  private static String pluginFolder() {
    return Files.isExecutable(Path.of("/opt/cni/bin/bridge")) ? "/opt/cni/bin" : "/usr/lib/cni";
  }

  private String networkList() {
    return """
        {
          "cniVersion": "0.4.0",
          "name": "%1$s",
          "plugins": [
            {
              "type": "bridge",
              "bridge": "%1$s",
              "isGateway": true,
              "ipMasq": false,
              "ipam": {
                "type": "host-local",
                "dataDir": "%3$s/ipam",
                "ranges": [[{"subnet": "%2$s.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}]
              }
            },
            {"type": "portmap", "capabilities": {"portMappings": true}}
          ]
        }
        """
        .formatted(bridge, subnet, folder);
  }
}

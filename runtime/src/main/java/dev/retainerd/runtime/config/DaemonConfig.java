package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.Map;

/**
 * Everything the daemon is told, checked. Every path is absolute and without "..".
 *
 * @param root what lasts: event log, store, images, snapshots, a folder per container
 * @param state what a reboot may take: sockets, bundles, FIFOs, pins
 * @param logLevel trace, debug, info, warn or error
 * @param runtimes by the name that CRI calls a runtime handler; holds the default one
 * @param defaultRuntimeName the key in {@code runtimes} for pods that name none
 */
public record DaemonConfig(
    Path root,
    Path state,
    String logLevel,
    SocketSettings socket,
    CriSettings cri,
    StreamServerSettings streams,
    CniSettings cni,
    ImageSettings images,
    Map<String, RuntimeHandler> runtimes,
    String defaultRuntimeName,
    RetainSettings retain) {

  public DaemonConfig {
    runtimes = Map.copyOf(runtimes);
  }

  public RuntimeHandler defaultRuntime() {
    return runtimes.get(defaultRuntimeName);
  }
}

package dev.retainerd.runtime.network;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How networks are found and plugins run.
 *
 * @param confFolder the folder of configurations
 * @param binFolders where plugin binaries are looked for, in order
 * @param mostNetworks how many networks a pod is attached to; 0 for all in the folder
 * @param preference which address is the pod's primary one
 * @param pluginDeadline after which one plugin call is killed
 * @param concurrentPlugins how many plugin calls run at once on this node
 */
public record NetworkSettings(
    Path confFolder,
    List<Path> binFolders,
    int mostNetworks,
    AddressPreference preference,
    Duration pluginDeadline,
    int concurrentPlugins) {

  public static final Duration DEFAULT_PLUGIN_DEADLINE = Duration.ofSeconds(60);
  public static final int DEFAULT_CONCURRENT_PLUGINS = 16;

  /** Which of several addresses is the pod's primary one; the words of containerd's ip_pref. */
  public enum AddressPreference {
    /** The first IPv4 address. */
    IPV4,
    /** The first IPv6 address. */
    IPV6,
    /** The first the plugins named. */
    CNI
  }

  public NetworkSettings {
    binFolders = List.copyOf(binFolders);
    if (concurrentPlugins < 1) {
      throw new IllegalArgumentException("concurrentPlugins must be at least 1");
    }
  }

  /** containerd's defaults for one network, with these folders. */
  public static NetworkSettings of(Path confFolder, List<Path> binFolders) {
    return new NetworkSettings(
        confFolder,
        binFolders,
        1,
        AddressPreference.IPV4,
        DEFAULT_PLUGIN_DEADLINE,
        DEFAULT_CONCURRENT_PLUGINS);
  }
}

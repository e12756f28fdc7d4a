package dev.retainerd.runtime.config;

import java.nio.file.Path;
import java.util.List;

/**
 * Where networks come from.
 *
 * @param binDirs folders of CNI plugins, in order of search
 * @param confDir folder of CNI network lists
 * @param maxConfNum how many of its files are used, by name; 0 for all
 * @param ipPreference "ipv4", "ipv6" or "cni": which address of a pod comes first
 * @param internalLoopback set lo up without the loopback plugin
 */
public record CniSettings(
    List<Path> binDirs,
    Path confDir,
    int maxConfNum,
    String ipPreference,
    boolean internalLoopback) {

  public CniSettings {
    binDirs = List.copyOf(binDirs);
  }
}

package dev.retainerd.runtime.snapshot;

import java.util.List;

/**
 * What to mount to see a snapshot, in containerd's form. Immutable.
 *
 * @param type {@code bind} or {@code overlay}
 * @param source a folder, or {@code overlay}
 * @param options in the words of mount(8); {@code rw}, {@code ro}, {@code rbind}, {@code
 *     lowerdir=...} and such
 */
public record Mount(String type, String source, List<String> options) {
  public Mount {
    options = List.copyOf(options);
  }
}

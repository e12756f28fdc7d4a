package dev.retainerd.runtime.shims;

import java.util.List;

/** A mount that makes a container's root file system, as mount(8) would take it. */
public record RootMount(String type, String source, List<String> options) {
  public RootMount {
    options = List.copyOf(options);
  }
}

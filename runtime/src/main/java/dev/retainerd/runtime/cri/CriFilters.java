package dev.retainerd.runtime.cri;

import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ContainerFilter;
import dev.retainerd.wire.cri.v1.ContainerStatsFilter;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.PodSandboxFilter;
import dev.retainerd.wire.cri.v1.PodSandboxStatsFilter;
import java.util.Map;

/**
 * CRI's list filters: an empty field matches all; an id matches as a prefix too, as with
 * containerd. Pure.
 */
final class CriFilters {
  private CriFilters() {}

  static boolean matches(PodSandboxFilter filter, PodSandbox pod) {
    return pod.getId().startsWith(filter.getId())
        && (!filter.hasState() || filter.getState().getState() == pod.getState())
        && containsAll(pod.getLabelsMap(), filter.getLabelSelectorMap());
  }

  static boolean matches(ContainerFilter filter, Container container) {
    return container.getId().startsWith(filter.getId())
        && container.getPodSandboxId().startsWith(filter.getPodSandboxId())
        && (!filter.hasState() || filter.getState().getState() == container.getState())
        && containsAll(container.getLabelsMap(), filter.getLabelSelectorMap());
  }

  static boolean matches(ContainerStatsFilter filter, Container container) {
    return container.getId().startsWith(filter.getId())
        && container.getPodSandboxId().startsWith(filter.getPodSandboxId())
        && containsAll(container.getLabelsMap(), filter.getLabelSelectorMap());
  }

  static boolean matches(PodSandboxStatsFilter filter, PodSandbox pod) {
    return pod.getId().startsWith(filter.getId())
        && containsAll(pod.getLabelsMap(), filter.getLabelSelectorMap());
  }

  private static boolean containsAll(Map<String, String> labels, Map<String, String> selector) {
    return selector.entrySet().stream()
        .allMatch(wanted -> wanted.getValue().equals(labels.get(wanted.getKey())));
  }
}

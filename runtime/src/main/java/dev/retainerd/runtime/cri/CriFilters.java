package dev.retainerd.runtime.cri;

import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import dev.retainerd.store.proto.TaskEntry;
import dev.retainerd.store.state.Term;
import dev.retainerd.wire.cri.v1.ContainerFilter;
import dev.retainerd.wire.cri.v1.ContainerStatsFilter;
import dev.retainerd.wire.cri.v1.PodSandboxFilter;
import dev.retainerd.wire.cri.v1.PodSandboxState;
import dev.retainerd.wire.cri.v1.PodSandboxStateValue;
import dev.retainerd.wire.cri.v1.PodSandboxStatsFilter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * CRI's list filters: an empty field matches all; an id matches as a prefix too, as with
 * containerd. Pure.
 */
final class CriFilters {
  private CriFilters() {}

  static boolean selectsAll(PodSandboxFilter filter) {
    return filter.getId().isEmpty() && !filter.hasState() && filter.getLabelSelectorCount() == 0;
  }

  static boolean selectsAll(ContainerFilter filter) {
    return filter.getId().isEmpty()
        && filter.getPodSandboxId().isEmpty()
        && !filter.hasState()
        && filter.getLabelSelectorCount() == 0;
  }

  /** The filter of a list of numbers as that of a list: it says the same, but for the state. */
  static ContainerFilter asList(ContainerStatsFilter filter) {
    return ContainerFilter.newBuilder()
        .setId(filter.getId())
        .setPodSandboxId(filter.getPodSandboxId())
        .putAllLabelSelector(filter.getLabelSelectorMap())
        .build();
  }

  /** Likewise, of pods that are ready: others use nothing. */
  static PodSandboxFilter asList(PodSandboxStatsFilter filter) {
    return PodSandboxFilter.newBuilder()
        .setId(filter.getId())
        .setState(PodSandboxStateValue.newBuilder().setState(PodSandboxState.SANDBOX_READY))
        .putAllLabelSelector(filter.getLabelSelectorMap())
        .build();
  }

  static boolean matches(PodSandboxFilter filter, SandboxEntry pod) {
    return pod.getSandbox().getId().startsWith(filter.getId())
        && (!filter.hasState() || filter.getState().getState() == CriViews.state(pod))
        && containsAll(pod.getSandbox().getLabelsMap(), filter.getLabelSelectorMap());
  }

  static boolean matches(ContainerFilter filter, ContainerEntry entry, Optional<TaskEntry> task) {
    return entry.getContainer().getId().startsWith(filter.getId())
        && entry.getContainer().getSandboxId().startsWith(filter.getPodSandboxId())
        && (!filter.hasState() || filter.getState().getState() == CriViews.state(entry, task))
        && containsAll(entry.getContainer().getLabelsMap(), filter.getLabelSelectorMap());
  }

  /** The pods that a filter may select, found without looking at all where it says enough. */
  static List<SandboxEntry> candidates(PodSandboxFilter filter, SandboxService pods) {
    return filter.getId().isEmpty() && filter.getLabelSelectorCount() > 0
        ? pods.having(anyLabel(filter.getLabelSelectorMap()))
        : pods.beginning(filter.getId());
  }

  /** The containers that a filter may select, likewise. */
  static List<ContainerEntry> candidates(
      ContainerFilter filter, ContainerService containers, SandboxService pods) {
    if (filter.getId().isEmpty() && !filter.getPodSandboxId().isEmpty()) {
      // Containers whose pod is not known any more are found by its whole id.
      Stream<String> known =
          pods.beginning(filter.getPodSandboxId()).stream().map(pod -> pod.getSandbox().getId());
      return Stream.concat(Stream.of(filter.getPodSandboxId()), known)
          .distinct()
          .flatMap(pod -> containers.ofSandbox(pod).stream())
          .toList();
    }
    return filter.getId().isEmpty() && filter.getLabelSelectorCount() > 0
        ? containers.having(anyLabel(filter.getLabelSelectorMap()))
        : containers.beginning(filter.getId());
  }

  private static Term anyLabel(Map<String, String> selector) {
    Map.Entry<String, String> one = selector.entrySet().iterator().next();
    return Term.label(one.getKey(), one.getValue());
  }

  private static boolean containsAll(Map<String, String> labels, Map<String, String> selector) {
    return selector.entrySet().stream()
        .allMatch(wanted -> wanted.getValue().equals(labels.get(wanted.getKey())));
  }
}

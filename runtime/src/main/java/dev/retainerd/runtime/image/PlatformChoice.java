package dev.retainerd.runtime.image;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which manifests of an index a transfer takes. Immutable. Semantics: the image store as
 * destination of containerd's transfers.
 *
 * @param node empty for all that is wanted; else the one manifest that fits this platform best
 * @param wanted in order of preference; empty for all there are
 * @param most of the manifests that are wanted; 0 for all of them
 * @param allDocuments whether to take manifest and config of what is not wanted, too
 */
public record PlatformChoice(
    Optional<Platform> node, List<Platform> wanted, int most, boolean allDocuments) {

  public PlatformChoice {
    wanted = List.copyOf(wanted);
  }

  /** Everything there is. */
  public static final PlatformChoice ALL = of(List.of(), 0, false);

  /** What runs best on a node, and nothing else. */
  static PlatformChoice of(Platform node) {
    return new PlatformChoice(Optional.of(node), List.of(), 0, false);
  }

  /** Those of these platforms; see {@link PlatformChoice}. */
  public static PlatformChoice of(List<Platform> wanted, int most, boolean allDocuments) {
    return new PlatformChoice(Optional.empty(), wanted, most, allDocuments);
  }

  /**
   * One entry of an index that is taken.
   *
   * @param whole with its layers
   */
  record Taken(ImageIndex.Entry entry, boolean whole) {}

  /** What to take of an index; nothing where it has nothing that is wanted. */
  List<Taken> of(ImageIndex index) {
    if (node.isPresent()) {
      return index.best(node.get()).map(best -> new Taken(best, true)).stream().toList();
    }
    List<ImageIndex.Entry> whole =
        index.manifests().stream()
            .filter(entry -> rank(entry) < Integer.MAX_VALUE)
            .sorted(Comparator.comparingInt(this::rank))
            .limit(most > 0 ? most : Integer.MAX_VALUE)
            .toList();
    if (whole.isEmpty()) {
      return List.of();
    }
    return index.manifests().stream()
        .filter(entry -> allDocuments || whole.contains(entry))
        .map(entry -> new Taken(entry, whole.contains(entry)))
        .toList();
  }

  /** Whether an entry that stands by itself is taken. */
  boolean takes(ImageIndex.Entry entry) {
    return !of(new ImageIndex(List.of(entry))).isEmpty();
  }

  /** Whether what runs on a node may be among what is taken. */
  public boolean mayTakeFor(Platform host) {
    return node.isPresent()
        ? node.get().runsOn(host)
        : wanted.isEmpty() || wanted.stream().anyMatch(one -> one.runsOn(host));
  }

  /** Its place among the wanted; an entry that says no platform comes behind them. */
  private int rank(ImageIndex.Entry entry) {
    if (wanted.isEmpty()) {
      return 0;
    }
    if (entry.platform().isEmpty()) {
      return wanted.size();
    }
    Platform platform = entry.platform().get().normalized();
    for (int i = 0; i < wanted.size(); i++) {
      if (wanted.get(i).normalized().equals(platform)) {
        return i;
      }
    }
    return Integer.MAX_VALUE;
  }

  @Override
  public String toString() {
    if (node.isPresent()) {
      return node.get().toString();
    }
    return wanted.isEmpty()
        ? "any platform"
        : String.join(", ", wanted.stream().map(Platform::toString).toList());
  }
}

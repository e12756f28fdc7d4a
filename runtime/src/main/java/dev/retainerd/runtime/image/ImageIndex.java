package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.error.Refusal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** A list of manifests, one for each platform. Immutable. */
public record ImageIndex(List<Entry> manifests) {
  private static final int MANIFESTS_MAX = 1000;

  /**
   * One manifest, or another index.
   *
   * @param platform empty where the index does not say
   */
  public record Entry(Descriptor descriptor, Optional<Platform> platform) {}

  public ImageIndex {
    manifests = List.copyOf(manifests);
  }

  static ImageIndex of(JsonObject json) {
    List<Entry> entries = new ArrayList<>();
    for (JsonObject one : ImageJson.objects(json, "manifests")) {
      Optional<Platform> platform =
          one.has("platform")
              ? Optional.of(Platform.of(ImageJson.object(one, "platform")))
              : Optional.empty();
      entries.add(new Entry(ImageJson.descriptor(one), platform));
    }
    if (entries.size() > MANIFESTS_MAX) {
      throw Refusal.invalidArgument(
          "an index of " + entries.size() + " manifests is refused; the bound is " + MANIFESTS_MAX);
    }
    return new ImageIndex(entries);
  }

  /**
   * The manifest that fits the node best; those that say no platform come last, and the first of
   * equals wins.
   */
  public Optional<Entry> best(Platform node) {
    return manifests.stream()
        .filter(entry -> fitness(entry, node) > 0)
        .max(
            Comparator.<Entry>comparingInt(entry -> fitness(entry, node) * 10_000)
                .thenComparingInt(entry -> -manifests.indexOf(entry)));
  }

  private static int fitness(Entry entry, Platform node) {
    // Half a point: better than a platform that does not fit, worse than any that does.
    return entry.platform().map(p -> p.fitness(node) * 2).orElse(1);
  }
}

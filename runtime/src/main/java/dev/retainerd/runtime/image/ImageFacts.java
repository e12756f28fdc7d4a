package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import java.util.List;

/**
 * What an image is on this node's platform, read from its documents. Immutable.
 *
 * @param manifest the platform's manifest
 * @param id digest of its config: what CRI calls the image's id
 * @param layers compressed layers, lowest first
 * @param chainIds a snapshot's name for each layer
 * @param sizeBytes manifest, config and compressed layers
 * @param checkpoint whether its layers hold a container's checkpoint
 */
public record ImageFacts(
    Descriptor manifest,
    String id,
    ImageConfig config,
    List<Descriptor> layers,
    List<String> chainIds,
    long sizeBytes,
    boolean checkpoint) {

  /** The snapshot that is its root file system; "" where it has no layers. */
  public String chainId() {
    return chainIds.isEmpty() ? "" : chainIds.getLast();
  }
}

package dev.retainerd.runtime.image;

import java.util.List;

/**
 * An image as CRI shows it: everything that has the same config. Immutable.
 *
 * @param id digest of its config
 * @param tags names with a tag
 * @param digests names with a digest
 * @param chainId the snapshot that is its root file system; "" where it has none
 * @param pinned whether it is never removed for want of space
 * @param checkpoint whether it holds a container's checkpoint, and no root file system
 */
public record NodeImage(
    String id,
    List<String> tags,
    List<String> digests,
    long sizeBytes,
    ImageConfig config,
    String chainId,
    boolean pinned,
    boolean checkpoint) {

  public NodeImage {
    tags = List.copyOf(tags);
    digests = List.copyOf(digests);
  }

  /** A name to record where it was asked for by id: its first tag, else digest, else the id. */
  public String name() {
    if (!tags.isEmpty()) {
      return tags.getFirst();
    }
    return digests.isEmpty() ? id : digests.getFirst();
  }
}

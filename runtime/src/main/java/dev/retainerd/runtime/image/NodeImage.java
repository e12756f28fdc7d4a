package dev.retainerd.runtime.image;

import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Reference;
import java.util.List;
import java.util.stream.Stream;

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

  /** The tag that one of these wishes means, else {@link #name()}. */
  public String nameFor(List<String> wishes) {
    return meant(wishes).map(Reference::toString).filter(tags::contains).findFirst().orElse(name());
  }

  /**
   * Its name with a digest, of the repository that one of these wishes means, else its first such
   * name; "" where it has none.
   */
  public String digestFor(List<String> wishes) {
    return meant(wishes)
        .map(wish -> wish.host() + "/" + wish.repository() + "@")
        .flatMap(start -> digests.stream().filter(digest -> digest.startsWith(start)))
        .findFirst()
        .orElse(digests.isEmpty() ? "" : digests.getFirst());
  }

  /** What is no reference, such as an id, means none. */
  private static Stream<Reference> meant(List<String> wishes) {
    return wishes.stream()
        .filter(wish -> !wish.isEmpty() && !Digest.isDigest(wish))
        .flatMap(
            wish -> {
              try {
                return Stream.of(Reference.normalized(wish));
              } catch (Refusal e) {
                return Stream.empty();
              }
            });
  }

  /** A name to record where it was asked for by id: its first tag, else digest, else the id. */
  public String name() {
    if (!tags.isEmpty()) {
      return tags.getFirst();
    }
    return digests.isEmpty() ? id : digests.getFirst();
  }
}

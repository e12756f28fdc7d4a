package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * Names one thing of the state.
 *
 * @param kind what it is
 * @param namespace containerd's namespace; "" for node-wide things (shims, namespaces, the node)
 * @param id unique within kind and namespace; a snapshot's is {@code SNAPSHOTTER/KEY}, an exec's
 *     {@code CONTAINER/EXEC}
 */
public record Key<T extends Message>(Kind<T> kind, String namespace, String id) {
  static final char SEPARATOR = '\0';

  public Key {
    Objects.requireNonNull(kind, "kind");
    if (namespace.indexOf(SEPARATOR) >= 0 || id.indexOf(SEPARATOR) >= 0) {
      throw new IllegalArgumentException("a namespace or id contains a NUL character");
    }
  }

  /** Namespace and id as one string that sorts by namespace first. */
  public String path() {
    return namespace + SEPARATOR + id;
  }

  /** {@link #path()} as UTF-8, the key in the store. */
  public byte[] bytes() {
    return path().getBytes(StandardCharsets.UTF_8);
  }

  /** The inverse of {@link #path()}. */
  public static <T extends Message> Key<T> ofPath(Kind<T> kind, String path) {
    int at = path.indexOf(SEPARATOR);
    return new Key<>(kind, path.substring(0, at), path.substring(at + 1));
  }

  @Override
  public String toString() {
    return kind + "/" + (namespace.isEmpty() ? "" : namespace + "/") + id;
  }
}

package dev.retainerd.store.state;

import com.google.protobuf.Message;
import java.util.Optional;

/**
 * What one event changes in the state: an entry is put, or it goes.
 *
 * @param entry the new entry; empty where it goes
 */
public record Delta<T extends Message>(Key<T> key, Optional<T> entry) {

  public static <T extends Message> Delta<T> put(Key<T> key, T entry) {
    return new Delta<>(key, Optional.of(entry));
  }

  public static <T extends Message> Delta<T> remove(Key<T> key) {
    return new Delta<>(key, Optional.empty());
  }
}

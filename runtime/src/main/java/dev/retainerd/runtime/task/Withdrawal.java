package dev.retainerd.runtime.task;

import dev.retainerd.runtime.engine.Failpoint;
import dev.retainerd.runtime.engine.KeyLocks;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Takes a create back from a shim that has not begun with it, where the task's owner has nothing
 * else in that shim. From then on until it is closed nothing else of that owner finds a place. Of
 * one create, for one thread.
 */
final class Withdrawal implements AutoCloseable {
  private final TaskService tasks;
  private final String namespace;
  private final String containerId;
  private final String owner;
  private Optional<KeyLocks.Held> place = Optional.empty();

  /**
   * @param owner who the task lives with, as {@code Shims} names it
   */
  Withdrawal(TaskService tasks, String namespace, String containerId, String owner) {
    this.tasks = tasks;
    this.namespace = namespace;
    this.containerId = containerId;
    this.owner = owner;
  }

  /** Whether it was taken back: whoever removes the offer, the shim or we, has the create. */
  boolean withdraw(Path offer) {
    // Closed with this, whatever comes.
    place = tasks.holdPlaceIfFree(owner);
    if (place.isPresent() && isAlone() && removed(offer)) {
      Failpoint.OFFER_WITHDRAWN.hit();
      return true;
    }
    close();
    return false;
  }

  private boolean isAlone() {
    NodeState state = tasks.journal().state();
    AtomicBoolean alone = new AtomicBoolean(true);
    state.forEach(
        Kind.TASK,
        (key, task) -> {
          if (key.namespace().equals(namespace) && !key.id().equals(containerId)) {
            Optional<ContainerEntry> other = state.get(Kind.CONTAINER.key(namespace, key.id()));
            if (other.filter(one -> TaskCreation.owner(namespace, one).equals(owner)).isPresent()) {
              alone.set(false);
            }
          }
        });
    return alone.get();
  }

  private static boolean removed(Path offer) {
    try {
      return Files.deleteIfExists(offer);
    } catch (IOException e) {
      throw Refusal.internal("the offer " + offer + " cannot be taken back: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    place.ifPresent(KeyLocks.Held::close);
    place = Optional.empty();
  }
}

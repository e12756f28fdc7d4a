package dev.retainerd.runtime.task;

import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import java.time.Duration;
import java.util.function.BiPredicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Deletes the tasks of pods' containers once they have ended: nobody else does, and whoever stops
 * or removes the container waits for it. A shim that dies in the middle of it, or does not answer,
 * is replaced, and the deletion is asked for again. Thread-safe.
 */
public final class EndedTasks {
  private static final Logger LOG = LoggerFactory.getLogger(EndedTasks.class);
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  /** Some five minutes; then the next start of the daemon tries it. */
  private static final int TRIES = 64;

  private final TaskService tasks;
  private final BiPredicate<String, String> isOfAPod;

  /**
   * Makes it.
   *
   * @param isOfAPod whether a namespace and the id of a container are of CRI; other clients delete
   *     their tasks themselves
   */
  public EndedTasks(TaskService tasks, BiPredicate<String, String> isOfAPod) {
    this.tasks = tasks;
    this.isOfAPod = isOfAPod;
  }

  /** Deletes it now, or on a thread of its own when that does not work at once. */
  public void ended(Origin origin, String namespace, String id) {
    if (!isOfAPod.test(namespace, id)) {
      return;
    }
    try {
      tasks.deleteIfThere(origin, namespace, id);
    } catch (Refusal e) {
      LOG.warn("the ended task {} is not deleted yet: {}", id, e.sentence());
      Thread.ofVirtual().name("delete-" + id).start(() -> again(origin, namespace, id));
    }
  }

  private void again(Origin origin, String namespace, String id) {
    Duration pause = FIRST_PAUSE;
    for (int i = 1; i < TRIES; i++) {
      try {
        Thread.sleep(pause);
        tasks.deleteIfThere(origin, namespace, id);
        return;
      } catch (Refusal e) {
        Duration longer = pause.multipliedBy(2);
        pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
        LOG.debug("the ended task {}: {}", id, e.sentence());
      } catch (InterruptedException e) {
        return;
      }
    }
    LOG.error(
        "the ended task {} could not be deleted in {} tries; the next start does it", id, TRIES);
  }
}

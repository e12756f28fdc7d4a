package dev.retainerd.runtime.engine;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which things that were made have reached a caller. A request that repeats one whose caller got
 * the answer is a mistake of the client and refused; one whose caller was gone by then, or whose
 * daemon was, is a retry and gets the same thing. Thread-safe.
 */
public final class Answered {
  private final Set<String> ids = ConcurrentHashMap.newKeySet();

  /** The caller has the answer. */
  public void tell(String id) {
    ids.add(id);
  }

  /** Whether nobody has the answer yet. */
  public boolean isUnknown(String id) {
    return !ids.contains(id);
  }

  /** It is gone. */
  public void forget(String id) {
    ids.remove(id);
  }
}

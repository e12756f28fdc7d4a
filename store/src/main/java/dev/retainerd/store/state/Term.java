package dev.retainerd.store.state;

import dev.retainerd.eventlog.proto.SandboxRecord;
import java.util.Map;
import java.util.Optional;

/**
 * Something that entries are looked up by, other than their id; unique within a kind. See {@link
 * Kind} for the terms that each has.
 *
 * @param text the term in the index's form
 */
public record Term(String text) {
  private static final char BETWEEN = '\0';

  /** A label of that value. */
  public static Term label(String key, String value) {
    return new Term("l" + key + BETWEEN + value);
  }

  /** A pod of that name in full: no two have the same. */
  public static Term podName(String name, String namespace, String uid, int attempt) {
    return new Term("n" + name + "_" + namespace + "_" + uid + "_" + attempt);
  }

  /** As {@link #podName(String, String, String, int)}, of a pod that is there. */
  public static Term podName(SandboxRecord pod) {
    return podName(pod.getName(), pod.getPodNamespace(), pod.getUid(), pod.getAttempt());
  }

  /** Belonging to the pod of that id. */
  public static Term inPod(String id) {
    return new Term("p" + id);
  }

  /** A snapshot that is made on another, whose key within its snapshotter this is. */
  public static Term onParent(String key) {
    return new Term("s" + key);
  }

  /** 64 bits that tell nearly all terms apart. */
  long hash() {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash ^ hash >>> 32;
  }

  /** Key and value where it is a label. */
  Optional<Map.Entry<String, String>> asLabel() {
    int at = text.indexOf(BETWEEN);
    return text.startsWith("l") && at > 0
        ? Optional.of(Map.entry(text.substring(1, at), text.substring(at + 1)))
        : Optional.empty();
  }
}

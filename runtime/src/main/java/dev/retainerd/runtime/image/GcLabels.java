package dev.retainerd.runtime.image;

/** The labels by which containerd's clients say what holds what. */
final class GcLabels {
  /** Value: any; the thing is kept. */
  static final String ROOT = "containerd.io/gc.root";

  /** Prefix; value: a digest that is kept as long as this thing is. */
  static final String CONTENT = "containerd.io/gc.ref.content";

  /** Prefix, a snapshotter's name behind it; value: a snapshot's key. */
  static final String SNAPSHOTS = "containerd.io/gc.ref.snapshot.";

  /** On a lease: until when it holds, in RFC 3339. */
  static final String EXPIRE = "containerd.io/gc.expire";

  /** On a lease: it holds its resources alone, not what they refer to. */
  static final String FLAT = "containerd.io/gc.flat";

  static final String CONFIG = CONTENT + ".config";

  private GcLabels() {}

  /** The label by which an index holds its manifest of that number. */
  static String manifest(int number) {
    return CONTENT + ".m." + number;
  }

  /** The label by which a manifest holds its layer of that number. */
  static String layer(int number) {
    return CONTENT + ".l." + number;
  }
}

package dev.retainerd.runtime.snapshot;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Where a snapshotter keeps files: a folder for each snapshot, known by a number.
 *
 * <p>Making and removing are idempotent, so that recovery can repeat them; whatever a kill leaves
 * is taken away by the next {@link #remove} or {@link #sweep}. Thread-safe, as long as two threads
 * do not use the same number.
 */
public interface SnapshotFolders {

  /** The name by which clients ask for this snapshotter. */
  String name();

  /**
   * Whether a snapshot's folder holds only what it has over its parents, so that layers can be
   * unpacked in any order, with the marks of overlayfs.
   */
  boolean holdsDifferences();

  /**
   * Makes the folder of a snapshot; one that is there already is completed.
   *
   * @param parent the nearest parent; empty for none
   */
  void make(long folder, Purpose purpose, Optional<Long> parent) throws IOException;

  /**
   * What to mount for a snapshot.
   *
   * @param parents nearest first
   */
  List<Mount> mounts(Purpose purpose, long folder, List<Long> parents);

  /** The folder with the snapshot's own files. */
  Path files(long folder);

  /** Whether there is a folder of that number. */
  boolean exists(long folder);

  /** Waits until all files of the snapshot, and of those beside it, are on disk. */
  void sync(long folder) throws IOException;

  /** What the snapshot's own files take; nothing where the folder is not there. */
  Usage usage(long folder) throws IOException;

  /** Removes a snapshot's folder with all its files; one that is not there is fine. */
  void remove(long folder) throws IOException;

  /** The numbers of the folders that are there, whole or half made. */
  List<Long> list() throws IOException;

  /** Ends removals that a kill interrupted; how many there were. */
  int sweep() throws IOException;
}

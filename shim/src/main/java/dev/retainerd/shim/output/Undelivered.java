package dev.retainerd.shim.output;

import dev.retainerd.shim.posix.Posix;
import dev.retainerd.shim.posix.PosixException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What deleted containers have written and a full disk has not let into their logs: spool,
 * checkpoint and the log's path, a folder for each, in one folder that all shims of a daemon share.
 * Every one of them tries from time to time, whoever has left it; a lock on the folder keeps them
 * apart. A log that was removed meanwhile wants nothing any more. Belongs to the loop's thread but
 * for {@link #begin}.
 */
public final class Undelivered {
  private static final long RETRY_MILLIS = 5_000;

  /** While there is nothing: what others leave can wait so long, and an idle shim is to sleep. */
  private static final long LOOK_MILLIS = 30_000;

  /** What lies here is memory, where the folder is on a tmpfs. */
  private static final int FOLDERS_MAX = 1_000;

  /** The loop serves others: where disks are full, a few are tried in each round. */
  private static final int FAILURES_MAX = 4;

  private static final String DESTINATION = "destination";

  private final EventLoop loop;
  private final Path folder;
  private long number;

  public Undelivered(EventLoop loop, Path folder) {
    this.loop = loop;
    this.folder = folder;
  }

  /** Delivers what there is, now and every few seconds. */
  public void begin() {
    loop.submit(this::round);
  }

  private void round() {
    loop.after(deliverAll() ? LOOK_MILLIS : RETRY_MILLIS, this::round);
  }

  /**
   * Takes over the folder of a log in which something is left to be written.
   *
   * @return false where it cannot
   */
  boolean add(Path logFolder, Path log) {
    try {
      Files.createDirectories(folder);
      if (all().size() >= FOLDERS_MAX) {
        throw new IOException(folder + " holds " + FOLDERS_MAX + " already");
      }
      Files.writeString(logFolder.resolve(DESTINATION), log.toString());
      String name = ProcessHandle.current().pid() + "-" + System.nanoTime() + "-" + number++;
      Files.move(logFolder, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
      loop.after(RETRY_MILLIS, this::deliverAll);
      return true;
    } catch (IOException e) {
      System.err.println("what is left of the log " + log + " is dropped: " + e.getMessage());
      return false;
    }
  }

  private List<Path> all() throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(folder)) {
        folders.forEach(found::add);
      }
    }
    return found;
  }

  /** True where there was nothing to deliver. */
  private boolean deliverAll() {
    try {
      List<Path> entries = all();
      Collections.shuffle(entries);
      int failures = 0;
      for (int i = 0; i < entries.size() && failures < FAILURES_MAX; i++) {
        int lock = Posix.tryOpen(entries.get(i).toString(), Posix.O_RDONLY, 0);
        if (lock >= 0 && Posix.tryLock(lock)) {
          failures += deliver(entries.get(i)) ? 0 : 1;
        }
        Posix.close(lock);
      }
      return entries.isEmpty();
    } catch (IOException e) {
      System.err.println("nothing is delivered from " + folder + ": " + e.getMessage());
      return false;
    }
  }

  /** True when it is gone from here. */
  private static boolean deliver(Path one) {
    try {
      Path log = Path.of(Files.readString(one.resolve(DESTINATION)));
      if (Files.exists(log)) {
        if (!deliver(one, LogFile.openExisting(log))) {
          return false;
        }
      } else if (CriLog.isRenamed(one, log)) {
        return false;
      }
      remove(one);
      return true;
    } catch (PosixException e) {
      // Its disk is full, or away: it is tried again.
    } catch (IOException e) {
      System.err.println(one + " is not delivered: " + e.getMessage());
    }
    return false;
  }

  private static boolean deliver(Path one, LogFile file) throws IOException {
    CriLog log = CriLog.open(file, one, LogSettings.USUAL);
    log.hurry();
    Sink first = log.sink(0);
    Sink second = log.sink(1);
    boolean all = first.flush();
    all = all && second.flush();
    if (!all) {
      // No half entry stays behind: what is tried next begins at a whole one.
      log.takeBack();
    }
    first.close();
    second.close();
    return all;
  }

  private static void remove(Path one) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(one)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(one);
  }
}

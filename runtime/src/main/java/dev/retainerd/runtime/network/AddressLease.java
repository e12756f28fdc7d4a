package dev.retainerd.runtime.network;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.NativeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * An address that the host-local plugin has given out. It keeps a file named after the address in a
 * folder for each network; within stand the pod's id and the interface, one a line.
 *
 * @param sandboxId whom the address was given to; empty for a file that says nothing
 */
public record AddressLease(String network, String address, String sandboxId, Path file) {
  private static final Duration LOCK_DEADLINE = Duration.ofSeconds(10);
  private static final int LOCK_RETRY_MILLIS = 5;

  /** All leases in the folder of one network; none if it does not exist. */
  static List<AddressLease> in(Path folder) {
    List<AddressLease> leases = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        // Beside the leases lie the lock and a marker for each address range.
        boolean isAddress = name.indexOf('.') >= 0 || name.indexOf(':') >= 0;
        if (!isAddress || name.startsWith("last_reserved")) {
          continue;
        }
        holder(file)
            .ifPresent(
                id ->
                    leases.add(new AddressLease(folder.getFileName().toString(), name, id, file)));
      }
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw Refusal.internal("the leases in " + folder + " cannot be read: " + e.getMessage(), e);
    }
    leases.sort(Comparator.comparing(AddressLease::file));
    return leases;
  }

  /** Empty if the file is gone. */
  private static Optional<String> holder(Path file) throws IOException {
    try {
      return Files.readString(file, StandardCharsets.UTF_8)
          .lines()
          .map(String::strip)
          .findFirst()
          .or(() -> Optional.of(""));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Frees the address if it is still given to the same pod, under the plugin's own lock. Only for a
   * pod that exists no more and whose DEL did not free it.
   *
   * @return false if it was free or given to another pod already
   */
  public boolean release() {
    if (!Files.exists(file)) {
      return false;
    }
    Path lock = file.resolveSibling("lock");
    try (NativeFile handle = NativeFile.open(lock, NativeFile.O_RDWR | NativeFile.O_CREAT, 0600)) {
      long end = System.nanoTime() + LOCK_DEADLINE.toNanos();
      while (!handle.tryLock()) {
        if (System.nanoTime() - end > 0) {
          throw Refusal.deadlineExceeded(
              lock + " was held for " + LOCK_DEADLINE.toSeconds() + " s; is a plugin hanging?");
        }
        Thread.sleep(LOCK_RETRY_MILLIS);
      }
      return holder(file).filter(sandboxId::equals).isPresent() && Files.deleteIfExists(file);
    } catch (IOException e) {
      throw Refusal.internal("the lease " + file + " could not be freed: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Refusal.cancelled("freeing the lease " + file + " was cancelled");
    }
  }
}

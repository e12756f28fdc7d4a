package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.oci.AccountFiles;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What images say of users, kept for the next container of the same image: mounting a root file
 * system only to read two small files of it is a good part of what a CreateContainer costs.
 * Thread-safe; those that were not asked for the longest go first.
 */
final class ImageAccounts {
  private static final int MOST_IMAGES = 64;
  private static final int LARGEST_CHARS = 64 << 10;

  private final Map<String, AccountFiles> known =
      new LinkedHashMap<>(MOST_IMAGES, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, AccountFiles> eldest) {
          return size() > MOST_IMAGES;
        }
      };

  /**
   * Those of an image, if they were read before.
   *
   * @param chainId of its layers, which says what is in them
   */
  synchronized Optional<AccountFiles> of(String chainId) {
    return Optional.ofNullable(known.get(chainId));
  }

  /** Reads them, and keeps them where they are small. */
  AccountFiles read(String chainId, Path rootfs) {
    AccountFiles files = AccountFiles.copiedFrom(rootfs);
    if (size(files, AccountFiles.PASSWD) + size(files, AccountFiles.GROUP) <= LARGEST_CHARS) {
      synchronized (this) {
        known.put(chainId, files);
      }
    }
    return files;
  }

  private static int size(AccountFiles files, String name) {
    return files.text(name).map(String::length).orElse(0);
  }
}

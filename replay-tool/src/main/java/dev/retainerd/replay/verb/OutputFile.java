package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.EventSource;
import dev.retainerd.replay.history.LookFailure;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * A file that is written beside its place and put there when it is whole: what was asked for is
 * there as a whole or not at all.
 */
final class OutputFile implements AutoCloseable {
  private final Path target;
  private final Path fresh;
  private final OutputStream stream;
  private boolean committed;

  private OutputFile(Path target, Path fresh, OutputStream stream) {
    this.target = target;
    this.fresh = fresh;
    this.stream = stream;
  }

  /**
   * Begins to write.
   *
   * @throws LookFailure where it would lie in the folder of the log that is looked at
   */
  static OutputFile create(Path output, EventSource source) throws IOException {
    Path folder = output.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new LookFailure("there is no folder to write " + output + " into");
    }
    Path target = folder.toRealPath().resolve(output.getFileName());
    Optional<Path> log = source.folder();
    if (log.isPresent() && target.startsWith(log.get().toRealPath())) {
      throw new LookFailure(
          "nothing is ever written into the folder of a log: choose another place than " + output);
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      // A device or a pipe, such as /dev/stdout: there is nothing to put in place.
      return new OutputFile(target, target, Files.newOutputStream(target));
    }
    Path fresh = target.resolveSibling(target.getFileName() + ".part");
    return new OutputFile(target, fresh, Files.newOutputStream(fresh));
  }

  OutputStream stream() {
    return stream;
  }

  Path path() {
    return target;
  }

  /** Everything is written: puts it in its place. */
  void commit() throws IOException {
    stream.close();
    if (!fresh.equals(target)) {
      Files.move(fresh, target, StandardCopyOption.REPLACE_EXISTING);
    }
    committed = true;
  }

  @Override
  public void close() throws IOException {
    stream.close();
    if (!committed && !fresh.equals(target)) {
      Files.deleteIfExists(fresh);
    }
  }
}

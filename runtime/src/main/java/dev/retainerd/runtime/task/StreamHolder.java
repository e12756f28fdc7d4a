package dev.retainerd.runtime.task;

import dev.retainerd.runtime.linux.NativeFile;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the output FIFOs of containers open beside their shim: what a container wrote just before
 * it ended stays in the kernel even when the shim died first. Nothing is read here. Input FIFOs are
 * left alone: a second writer would keep their reader from ever seeing the end. Thread-safe.
 */
public final class StreamHolder implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamHolder.class);
  private static final List<String> OUTPUTS = List.of("stdout.fifo", "stderr.fifo");

  private final ConcurrentHashMap<Path, List<NativeFile>> held = new ConcurrentHashMap<>();

  /** Holds every output FIFO below the bundle; what is held already stays. */
  public void hold(Path bundle) {
    held.compute(
        bundle,
        (folder, before) -> {
          close(before);
          return open(folder);
        });
  }

  private static List<NativeFile> open(Path bundle) {
    List<NativeFile> files = new ArrayList<>();
    Path folder = bundle.resolve("retain");
    try {
      holdIn(folder, files);
      Path execs = folder.resolve("exec");
      if (Files.isDirectory(execs)) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(execs)) {
          for (Path exec : all) {
            holdIn(exec, files);
          }
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      LOG.warn("the streams of {} are not all held: {}", bundle, e.getMessage());
    }
    return files;
  }

  private static void holdIn(Path folder, List<NativeFile> files) throws IOException {
    for (String output : OUTPUTS) {
      Path fifo = folder.resolve(output);
      if (Files.exists(fifo, LinkOption.NOFOLLOW_LINKS)) {
        files.add(NativeFile.holdFifo(fifo));
      }
    }
  }

  /** Lets go; harmless where nothing is held. */
  public void release(Path bundle) {
    close(held.remove(bundle));
  }

  private static void close(List<NativeFile> files) {
    if (files != null) {
      files.forEach(NativeFile::close);
    }
  }

  @Override
  public void close() {
    held.keySet().forEach(this::release);
  }
}

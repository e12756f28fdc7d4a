package dev.retainerd.runtime.shims;

import dev.retainerd.runtime.linux.ProcessIdentity;
import dev.retainerd.runtime.linux.Processes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds shim processes by the socket on their command line. */
final class UnrecordedShims {
  private static final Logger LOG = LoggerFactory.getLogger(UnrecordedShims.class);

  private UnrecordedShims() {}

  /** Ends whichever process serves that socket, if one does; its containers, if any, run on. */
  static void end(Path socket) {
    for (ProcessIdentity process : serving(socket)) {
      try {
        Processes.signal(process, Processes.SIGKILL);
        LOG.info("ended pid {}, a shim that was never recorded", process.pid());
      } catch (IOException e) {
        LOG.warn("pid {} could not be ended: {}", process.pid(), e.getMessage());
      }
    }
  }

  private static List<ProcessIdentity> serving(Path socket) {
    List<ProcessIdentity> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        int pid = Integer.parseInt(process.getFileName().toString());
        Optional<ProcessIdentity> identity = ProcessIdentity.of(pid);
        if (identity.isPresent() && serves(process, socket)) {
          found.add(identity.get());
        }
      }
    } catch (IOException e) {
      LOG.warn("/proc cannot be read: {}", e.getMessage());
    }
    return found;
  }

  private static boolean serves(Path process, Path socket) {
    try {
      String[] words =
          new String(Files.readAllBytes(process.resolve("cmdline")), StandardCharsets.UTF_8)
              .split("\0", -1);
      for (int i = 0; i + 1 < words.length; i++) {
        if (words[i].equals("--socket") && words[i + 1].equals(socket.toString())) {
          return true;
        }
      }
      return false;
    } catch (IOException gone) {
      return false;
    }
  }
}

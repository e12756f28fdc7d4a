package dev.retainerd.runtime.network;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The folder of network configurations. It is read anew each time it is asked for: a handful of
 * small files cost less than a missed change notice, and plugins take a hundred times longer.
 *
 * @param folder usually /etc/cni/net.d; need not exist
 * @param most how many networks a pod is attached to, in the order of file names; 0 for all
 */
record NetworkFolder(Path folder, int most) {
  private static final int LARGEST_FILE_BYTES = 1 << 20;

  /**
   * What the folder says now.
   *
   * @param networks those to use, in order
   * @param problems a sentence for each file that was passed over
   */
  record Content(List<NetworkList> networks, List<String> problems) {
    Content {
      networks = List.copyOf(networks);
      problems = List.copyOf(problems);
    }
  }

  Content read() {
    List<NetworkList> networks = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path file : files(problems)) {
      if (most > 0 && networks.size() == most) {
        break;
      }
      try {
        networks.add(parse(file));
      } catch (InvalidNetworkException e) {
        problems.add(e.getMessage());
      } catch (NoSuchFileException e) {
        // Taken away since the folder was listed.
      } catch (IOException e) {
        problems.add(file + " could not be read: " + e.getMessage());
      }
    }
    return new Content(networks, problems);
  }

  private List<Path> files(List<String> problems) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*.{conf,conflist,json}")) {
      for (Path file : all) {
        if (Files.isRegularFile(file)) {
          files.add(file);
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      problems.add("the folder " + folder + " does not exist");
    } catch (IOException e) {
      problems.add("the folder " + folder + " could not be read: " + e.getMessage());
    }
    files.sort(null);
    return files;
  }

  private static NetworkList parse(Path file) throws IOException, InvalidNetworkException {
    if (Files.size(file) > LARGEST_FILE_BYTES) {
      throw new InvalidNetworkException(file + " is larger than 1 MiB");
    }
    byte[] bytes = Files.readAllBytes(file);
    return file.toString().endsWith(".conflist")
        ? NetworkList.parseList(bytes, file.toString())
        : NetworkList.parsePlugin(bytes, file.toString());
  }
}

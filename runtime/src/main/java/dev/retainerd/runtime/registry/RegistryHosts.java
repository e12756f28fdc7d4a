package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which servers to ask for the images of a registry, in order: the mirrors of its {@code
 * hosts.toml}, then the registry itself. Files are read anew for each pull, so that an edit counts
 * at once. Thread-safe. Semantics: containerd's {@code config_path}.
 */
public final class RegistryHosts {
  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1\\]|::1");

  private final List<Path> folders;
  private final boolean plainHttp;

  private RegistryHosts(List<Path> folders, boolean plainHttp) {
    this.folders = List.copyOf(folders);
    this.plainHttp = plainHttp;
  }

  /**
   * @param folders each with a folder for a registry, named by its host, {@code HOST_PORT_} or
   *     {@code _default}; the first that has one counts
   */
  public static RegistryHosts of(List<Path> folders) {
    return new RegistryHosts(folders, false);
  }

  /** The same, but asking registries that no file speaks of over plain HTTP. */
  public RegistryHosts overPlainHttp() {
    return new RegistryHosts(folders, true);
  }

  List<RegistryHost> forRegistry(String host) {
    Optional<Path> folder = folderOf(host);
    HostsFile file = folder.isPresent() ? HostsFile.read(folder.get()) : HostsFile.none();
    List<RegistryHost> hosts = new ArrayList<>(file.mirrors());
    hosts.add(file.server().orElseGet(() -> byDefault(host, file)));
    return hosts;
  }

  private Optional<Path> folderOf(String host) {
    int colon = host.lastIndexOf(':');
    List<String> names = new ArrayList<>();
    if (colon > 0) {
      names.add(host.substring(0, colon) + "_" + host.substring(colon + 1) + "_");
    }
    names.add(host);
    names.add("_default");
    for (Path root : folders) {
      for (String name : names) {
        if (Files.isDirectory(root.resolve(name))) {
          return Optional.of(root.resolve(name));
        }
      }
    }
    return Optional.empty();
  }

  private RegistryHost byDefault(String host, HostsFile file) {
    boolean hub = host.equals("docker.io");
    String authority = hub ? "registry-1.docker.io" : host;
    String scheme = plainHttp || (!hub && isPlainByDefault(host)) ? "http" : "https";
    URI root = URI.create(scheme + "://" + authority + "/v2");
    return file.rest().map(rest -> rest.at(root)).orElseGet(() -> bare(root));
  }

  private static RegistryHost bare(URI root) {
    return new RegistryHost(
        root, RegistryHost.ALL, List.of(), List.of(), Optional.empty(), Map.of());
  }

  /** Loopback on any port but 443: what is there is mostly a test registry without certificates. */
  private static boolean isPlainByDefault(String host) {
    String port = port(host);
    return isLoopback(host) && !port.isEmpty() && !port.equals("443");
  }

  static boolean isLoopback(String host) {
    String name = port(host).isEmpty() ? host : host.substring(0, host.lastIndexOf(':'));
    return LOOPBACK.matcher(name).matches();
  }

  private static String port(String host) {
    int colon = host.lastIndexOf(':');
    return colon < 0 || host.endsWith("]") ? "" : host.substring(colon + 1);
  }

  static List<Path> certificates(Path folder, String suffix) {
    try (var files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
    } catch (IOException e) {
      throw Refusal.failedPrecondition("the folder " + folder + " of a registry cannot be read")
          .because(e);
    }
  }
}

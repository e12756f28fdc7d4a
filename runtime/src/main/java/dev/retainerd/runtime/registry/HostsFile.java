package dev.retainerd.runtime.registry;

import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlTable;

/**
 * What the folder of one registry says: its {@code hosts.toml}, or certificates alone as Docker
 * lays them out. Immutable.
 *
 * @param mirrors asked first, in the order of the file
 * @param server the registry's own server, where the file names one
 * @param rest what the file says of the registry's own server beside its address
 */
record HostsFile(
    List<RegistryHost> mirrors, Optional<RegistryHost> server, Optional<Settings> rest) {

  /** A server's settings, without its address. */
  record Settings(
      Set<RegistryHost.Capability> capabilities,
      List<Path> cas,
      List<RegistryHost.ClientCertificate> clientCertificates,
      Optional<Boolean> skipVerify,
      Map<String, List<String>> headers) {

    RegistryHost at(URI root) {
      return new RegistryHost(root, capabilities, cas, clientCertificates, skipVerify, headers);
    }
  }

  static HostsFile none() {
    return new HostsFile(List.of(), Optional.empty(), Optional.empty());
  }

  /**
   * Reads a registry's folder.
   *
   * @throws Refusal failed precondition, where the file is broken; names file, line and mend
   */
  static HostsFile read(Path folder) {
    Path file = folder.resolve("hosts.toml");
    if (!Files.exists(file)) {
      return certificatesOnly(folder);
    }
    TomlParseResult toml;
    try {
      toml = Toml.parse(file);
    } catch (IOException e) {
      throw Refusal.failedPrecondition(file + " cannot be read: " + e.getMessage()).because(e);
    }
    if (toml.hasErrors()) {
      throw broken(file, toml.errors().get(0).toString());
    }
    try {
      return parse(toml, folder, file);
    } catch (RuntimeException e) {
      throw e instanceof Refusal r ? r : broken(file, e.getMessage());
    }
  }

  private static HostsFile parse(TomlParseResult toml, Path folder, Path file) {
    List<RegistryHost> mirrors = new ArrayList<>();
    TomlTable hosts = toml.getTable("host");
    if (hosts != null) {
      List<String> names = new ArrayList<>(hosts.keySet());
      names.sort(Comparator.comparingInt(name -> line(hosts, name)));
      for (String name : names) {
        TomlTable table = hosts.getTable(List.of(name));
        mirrors.add(settings(table, folder, file).at(root(name, table, file)));
      }
    }
    Settings own = settings(toml, folder, file);
    String server = toml.getString("server");
    if (server == null || server.isEmpty()) {
      return new HostsFile(mirrors, Optional.empty(), Optional.of(own));
    }
    return new HostsFile(mirrors, Optional.of(own.at(root(server, toml, file))), Optional.of(own));
  }

  private static int line(TomlTable hosts, String name) {
    var position = hosts.inputPositionOf(List.of(name));
    return position == null ? Integer.MAX_VALUE : position.line();
  }

  private static URI root(String server, TomlTable table, Path file) {
    String whole = server.startsWith("http") ? server : "https://" + server;
    try {
      URI uri = URI.create(whole);
      boolean override = Boolean.TRUE.equals(table.getBoolean("override_path"));
      String path = uri.getPath() == null ? "" : uri.normalize().getPath().replaceAll("/+$", "");
      if (!override && !path.endsWith("/v2")) {
        path = path + "/v2";
      }
      if (uri.getHost() == null) {
        throw broken(file, "\"" + server + "\" is no server");
      }
      return URI.create(uri.getScheme() + "://" + uri.getAuthority() + path);
    } catch (IllegalArgumentException e) {
      throw broken(file, "\"" + server + "\" is no server");
    }
  }

  private static Settings settings(TomlTable table, Path folder, Path file) {
    return new Settings(
        capabilities(table, file),
        files(table.get("ca"), folder),
        clients(table.get("client"), folder, file),
        Optional.ofNullable(table.getBoolean("skip_verify")),
        headers(table.getTable("header")));
  }

  private static Set<RegistryHost.Capability> capabilities(TomlTable table, Path file) {
    TomlArray array = table.getArray("capabilities");
    if (array == null || array.isEmpty()) {
      return RegistryHost.ALL;
    }
    Set<RegistryHost.Capability> found = EnumSet.noneOf(RegistryHost.Capability.class);
    for (int i = 0; i < array.size(); i++) {
      switch (array.getString(i)) {
        case "pull" -> found.add(RegistryHost.Capability.PULL);
        case "resolve" -> found.add(RegistryHost.Capability.RESOLVE);
        case "push" -> found.add(RegistryHost.Capability.PUSH);
        case "referrers" -> {} // nothing here asks for them
        default ->
            throw broken(
                file,
                "\"" + array.getString(i) + "\" is no capability; write pull, resolve or push");
      }
    }
    return found;
  }

  private static List<Path> files(Object value, Path folder) {
    List<Path> found = new ArrayList<>();
    if (value instanceof String one) {
      found.add(folder.resolve(one));
    } else if (value instanceof TomlArray many) {
      for (int i = 0; i < many.size(); i++) {
        found.add(folder.resolve(many.getString(i)));
      }
    }
    return found;
  }

  private static List<RegistryHost.ClientCertificate> clients(
      Object value, Path folder, Path file) {
    List<RegistryHost.ClientCertificate> found = new ArrayList<>();
    if (value instanceof String one) {
      found.add(client(folder.resolve(one), folder.resolve(one)));
    } else if (value instanceof TomlArray many) {
      for (int i = 0; i < many.size(); i++) {
        List<Path> pair =
            many.get(i) instanceof TomlArray inner
                ? files(inner, folder)
                : List.of(folder.resolve(many.getString(i)), folder.resolve(many.getString(i)));
        if (pair.size() != 2) {
          throw broken(file, "\"client\" takes pairs of a certificate and its key");
        }
        found.add(client(pair.get(0), pair.get(1)));
      }
    }
    return found;
  }

  private static RegistryHost.ClientCertificate client(Path certificate, Path key) {
    return new RegistryHost.ClientCertificate(certificate, key);
  }

  private static Map<String, List<String>> headers(TomlTable table) {
    Map<String, List<String>> found = new TreeMap<>();
    if (table != null) {
      for (String name : table.keySet()) {
        Object value = table.get(List.of(name));
        List<String> values = new ArrayList<>();
        if (value instanceof TomlArray many) {
          for (int i = 0; i < many.size(); i++) {
            values.add(many.getString(i));
          }
        } else {
          values.add(String.valueOf(value));
        }
        found.put(name, values);
      }
    }
    return found;
  }

  private static HostsFile certificatesOnly(Path folder) {
    List<RegistryHost.ClientCertificate> clients = new ArrayList<>();
    for (Path certificate : RegistryHosts.certificates(folder, ".cert")) {
      String name = certificate.toString();
      Path key = Path.of(name.substring(0, name.length() - ".cert".length()) + ".key");
      clients.add(client(certificate, Files.exists(key) ? key : certificate));
    }
    Settings settings =
        new Settings(
            RegistryHost.ALL,
            RegistryHosts.certificates(folder, ".crt"),
            clients,
            Optional.empty(),
            Map.of());
    return new HostsFile(List.of(), Optional.empty(), Optional.of(settings));
  }

  private static Refusal broken(Path file, String why) {
    return Refusal.failedPrecondition(file + " is broken: " + why + "; mend it and pull again");
  }
}

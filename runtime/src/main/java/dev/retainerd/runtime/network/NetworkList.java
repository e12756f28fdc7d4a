package dev.retainerd.runtime.network;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One network: a name and the chain of plugins that make an attachment to it. Treat the JSON
 * objects as immutable.
 *
 * @param source where it was read, for messages
 * @param json the list verbatim; a single-plugin file is kept as a list of one
 */
record NetworkList(
    String name,
    CniVersion version,
    boolean checkDisabled,
    boolean collectDisabled,
    List<JsonObject> plugins,
    String source,
    byte[] json) {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.\\-]*");

  NetworkList {
    plugins = List.copyOf(plugins);
  }

  /**
   * Reads a .conflist.
   *
   * @throws InvalidNetworkException with a sentence that names the source and the fault
   */
  static NetworkList parseList(byte[] json, String source) throws InvalidNetworkException {
    JsonObject root = object(json, source);
    List<JsonObject> plugins = Json.objects(root, "plugins");
    if (plugins.isEmpty()) {
      throw new InvalidNetworkException(source + " has no \"plugins\"; list at least one");
    }
    return checked(
        new NetworkList(
            name(root, source),
            version(root, source),
            Json.flag(root, "disableCheck"),
            Json.flag(root, "disableGC"),
            plugins,
            source,
            json));
  }

  /** Reads a .conf or .json that holds one plugin, as a list of one. */
  static NetworkList parsePlugin(byte[] json, String source) throws InvalidNetworkException {
    JsonObject plugin = object(json, source);
    if (Json.text(plugin, "type").isEmpty() && plugin.has("plugins")) {
      return parseList(json, source);
    }
    JsonObject list = new JsonObject();
    list.addProperty("cniVersion", version(plugin, source).toString());
    list.addProperty("name", name(plugin, source));
    JsonArray plugins = new JsonArray();
    plugins.add(plugin);
    list.add("plugins", plugins);
    return parseList(list.toString().getBytes(StandardCharsets.UTF_8), source);
  }

  private static JsonObject object(byte[] json, String source) throws InvalidNetworkException {
    try {
      return Json.object(json);
    } catch (JsonParseException e) {
      throw new InvalidNetworkException(source + " is not a JSON object: " + e.getMessage());
    }
  }

  private static String name(JsonObject root, String source) throws InvalidNetworkException {
    String name = Json.text(root, "name").orElse("");
    if (!NAME.matcher(name).matches() || name.contains("..")) {
      throw new InvalidNetworkException(
          source + " has the network name \"" + name + "\"; use letters, digits, - _ and .");
    }
    return name;
  }

  /** The greatest supported of cniVersions (spec 1.1) and cniVersion. */
  private static CniVersion version(JsonObject root, String source) throws InvalidNetworkException {
    String stated = Json.text(root, "cniVersion").orElse("");
    Optional<CniVersion> best = CniVersion.parse(stated).filter(CniVersion::isSupported);
    if (root.get("cniVersions") instanceof JsonArray array) {
      for (JsonElement element : array) {
        if (element instanceof JsonPrimitive primitive && primitive.isString()) {
          Optional<CniVersion> other =
              CniVersion.parse(primitive.getAsString()).filter(CniVersion::isSupported);
          if (other.isPresent() && (best.isEmpty() || other.get().compareTo(best.get()) > 0)) {
            best = other;
          }
        }
      }
    }
    return best.orElseThrow(
        () ->
            new InvalidNetworkException(
                source + " has cniVersion \"" + stated + "\"; 0.3.0 to 1.1.0 are supported"));
  }

  private static NetworkList checked(NetworkList list) throws InvalidNetworkException {
    for (JsonObject plugin : list.plugins) {
      String type = Json.text(plugin, "type").orElse("");
      if (type.isEmpty() || type.contains("/") || type.contains("..")) {
        throw new InvalidNetworkException(
            list.source + " has a plugin of type \"" + type + "\"; give the name of its binary");
      }
    }
    return list;
  }

  static String type(JsonObject plugin) {
    return Json.text(plugin, "type").orElse("");
  }

  /** The folders in which host-local keeps the addresses of this network. */
  List<Path> hostLocalFolders() {
    return plugins.stream()
        .flatMap(plugin -> Json.child(plugin, "ipam").stream())
        .filter(ipam -> type(ipam).equals("host-local"))
        .map(ipam -> Json.text(ipam, "dataDir").orElse("/var/lib/cni/networks"))
        .map(dataDir -> Path.of(dataDir).resolve(name))
        .distinct()
        .toList();
  }
}

package dev.retainerd.runtime.idmap;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.namespaces.HeldNamespaces;
import dev.retainerd.runtime.namespaces.IdMappings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * User namespaces by their mappings, for as long as this is open: the container's own where it has
 * that mapping, else one made for it. For one thread.
 */
final class UserNamespaces implements AutoCloseable {
  private final IdMappings own;
  private final Optional<Path> path;
  private final Map<IdMappings, NativeFile> open = new HashMap<>();

  /** Beginning with what the spec's {@code linux} says of the container. */
  UserNamespaces(JsonObject linux) {
    own = new IdMappings(ranges(linux, "uidMappings"), ranges(linux, "gidMappings"));
    Optional<Path> found = Optional.empty();
    if (linux.has("namespaces")) {
      for (JsonElement element : linux.getAsJsonArray("namespaces")) {
        JsonObject namespace = element.getAsJsonObject();
        if (namespace.get("type").getAsString().equals("user") && namespace.has("path")) {
          found = Optional.of(Path.of(namespace.get("path").getAsString()));
        }
      }
    }
    path = found;
  }

  /** Mappings as OCI's specs write them; none where the member is absent. */
  static List<IdMappings.Range> ranges(JsonObject json, String member) {
    List<IdMappings.Range> found = new ArrayList<>();
    if (json.has(member)) {
      for (JsonElement element : json.getAsJsonArray(member)) {
        JsonObject range = element.getAsJsonObject();
        found.add(
            new IdMappings.Range(
                range.get("containerID").getAsLong(),
                range.get("hostID").getAsLong(),
                range.get("size").getAsLong()));
      }
    }
    return found;
  }

  /** The namespace of that mapping; it belongs to this object. */
  NativeFile of(IdMappings ids) throws IOException {
    NativeFile known = open.get(ids);
    if (known != null) {
      return known;
    }
    NativeFile made;
    if (path.isPresent() && ids.equals(own)) {
      made = NativeFile.open(path.get(), NativeFile.O_RDONLY, 0);
    } else {
      try (HeldNamespaces held = HeldNamespaces.user(ids)) {
        made = held.open();
      }
    }
    open.put(ids, made);
    return made;
  }

  @Override
  public void close() {
    open.values().forEach(NativeFile::close);
  }
}

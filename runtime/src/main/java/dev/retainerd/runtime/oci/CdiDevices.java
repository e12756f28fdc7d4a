package dev.retainerd.runtime.oci;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.CDIDevice;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * Devices by the Container Device Interface: what a vendor's spec files say a device needs (nodes,
 * mounts, environment, hooks) is added to a container's spec. Source: the CDI specification 0.x and
 * 1.x.
 *
 * <p>The files are read anew for each container that asks for a device: they are few and small, and
 * a vendor's tool may have written them a moment ago. Thread-safe.
 *
 * @param folders those of later ones win
 */
public record CdiDevices(List<Path> folders) {
  private static final String ANNOTATION_PREFIX = "cdi.k8s.io/";
  private static final int LARGEST_FILE_BYTES = 4 << 20;
  private static final Pattern NAME =
      Pattern.compile("[A-Za-z][A-Za-z0-9._-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*");

  public CdiDevices {
    folders = List.copyOf(folders);
  }

  /** One device of one file, and the edits that the file makes for any of its devices. */
  private record Found(Path file, JsonObject common, JsonObject device) {}

  /** The devices a container asks for, by field and by annotation, each once. */
  static List<String> names(ContainerConfig config) {
    Set<String> names = new LinkedHashSet<>();
    config.getCDIDevicesList().stream().map(CDIDevice::getName).forEach(names::add);
    config
        .getAnnotationsMap()
        .forEach(
            (key, value) -> {
              if (key.startsWith(ANNOTATION_PREFIX)) {
                for (String name : value.split(",")) {
                  if (!name.isBlank()) {
                    names.add(name.strip());
                  }
                }
              }
            });
    return List.copyOf(names);
  }

  /**
   * Adds to a container's spec what its devices need; nothing where it asks for none.
   *
   * @throws Refusal INVALID_ARGUMENT for a name that is none, FAILED_PRECONDITION for a device that
   *     no file has
   */
  public void inject(JsonObject spec, ContainerConfig config) {
    List<String> names = names(config);
    if (names.isEmpty()) {
      return;
    }
    List<String> problems = new ArrayList<>();
    Map<String, Found> known = read(problems);
    Set<Path> files = new LinkedHashSet<>();
    for (String name : names) {
      if (!NAME.matcher(name).matches()) {
        throw Refusal.invalidArgument(
            "the CDI device %s is not of the form VENDOR/CLASS=NAME"
                .formatted(Identifiers.shortened(name)));
      }
      Found found = known.get(name);
      if (found == null) {
        throw Refusal.failedPrecondition(
            "the CDI device %s is in no spec file in %s%s"
                .formatted(
                    Identifiers.shortened(name),
                    folders,
                    problems.isEmpty() ? "" : ": " + String.join("; ", problems)));
      }
      if (files.add(found.file())) {
        CdiEdits.apply(spec, found.common(), found.file());
      }
      CdiEdits.apply(spec, found.device(), found.file());
    }
  }

  private Map<String, Found> read(List<String> problems) {
    Map<String, Found> known = new java.util.HashMap<>();
    for (Path folder : folders) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.{json,yaml,yml}")) {
        List<Path> sorted = new ArrayList<>();
        files.forEach(sorted::add);
        sorted.sort(null);
        for (Path file : sorted) {
          parse(file, problems).ifPresent(json -> add(file, json, known));
        }
      } catch (NoSuchFileException | NotDirectoryException e) {
        // A node without such devices has no such folder.
        continue;
      } catch (IOException e) {
        problems.add(folder + " cannot be read");
      }
    }
    return known;
  }

  /** YAML holds JSON, so one parser reads both. */
  private static Optional<JsonObject> parse(Path file, List<String> problems) {
    try {
      if (Files.size(file) > LARGEST_FILE_BYTES) {
        problems.add(file + " is larger than 4 MiB");
        return Optional.empty();
      }
      LoaderOptions bounds = new LoaderOptions();
      bounds.setAllowDuplicateKeys(false);
      Object tree = new Yaml(new SafeConstructor(bounds)).load(Files.readString(file));
      JsonElement json = new Gson().toJsonTree(tree);
      if (json.isJsonObject() && json.getAsJsonObject().has("kind")) {
        return Optional.of(json.getAsJsonObject());
      }
      problems.add(file + " is no CDI spec: it has no kind");
    } catch (IOException | YAMLException e) {
      problems.add(file + " cannot be read");
    }
    return Optional.empty();
  }

  private static void add(Path file, JsonObject json, Map<String, Found> known) {
    String kind = json.get("kind").getAsString();
    for (JsonElement element : JsonTree.children(json, "devices")) {
      if (element instanceof JsonObject device && device.has("name")) {
        known.put(
            kind + "=" + device.get("name").getAsString(),
            new Found(
                file,
                JsonTree.child(json, "containerEdits"),
                JsonTree.child(device, "containerEdits")));
      }
    }
  }
}

package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.error.Refusal;
import java.util.List;

/**
 * One platform's image: its config and its layers, lowest first. Immutable.
 *
 * @param layers may be empty: artifacts without a root file system are kept, not run
 * @param checkpoint whether its layers hold a container's checkpoint, and no root file system; so
 *     it says in an annotation of checkpointctl's or of CRI-O's
 */
public record ImageManifest(Descriptor config, List<Descriptor> layers, boolean checkpoint) {
  private static final List<String> OF_CHECKPOINT =
      List.of(
          "org.criu.checkpoint.container.name", "io.kubernetes.cri-o.annotations.checkpoint.name");
  private static final int LAYERS_MAX = 500;

  public ImageManifest {
    layers = List.copyOf(layers);
  }

  static ImageManifest of(JsonObject json) {
    if (ImageJson.number(json, "schemaVersion") == 1) {
      throw Refusal.invalidArgument(
          "the manifest is of Docker's schema 1, which is not supported; push the image again with"
              + " a current tool");
    }
    List<Descriptor> layers =
        ImageJson.objects(json, "layers").stream().map(ImageJson::descriptor).toList();
    if (layers.size() > LAYERS_MAX) {
      throw Refusal.invalidArgument(
          "a manifest of " + layers.size() + " layers is refused; the bound is " + LAYERS_MAX);
    }
    return new ImageManifest(
        ImageJson.descriptor(ImageJson.object(json, "config")),
        layers,
        OF_CHECKPOINT.stream().anyMatch(ImageJson.map(json, "annotations")::containsKey));
  }
}

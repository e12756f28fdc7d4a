package dev.retainerd.runtime.image;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An image's configuration: what to run, and which layers it is made of.
 *
 * @param platform what it runs on
 * @param diffIds digests of the uncompressed layers, lowest first
 * @param run the {@code config} object as the image has it; treat it as read-only
 */
public record ImageConfig(Platform platform, List<String> diffIds, JsonObject run) {

  public ImageConfig {
    diffIds = List.copyOf(diffIds);
  }

  static ImageConfig of(JsonObject json) {
    return new ImageConfig(
        Platform.of(json),
        ImageJson.texts(ImageJson.object(json, "rootfs"), "diff_ids"),
        ImageJson.object(json, "config"));
  }

  public List<String> entrypoint() {
    return ImageJson.texts(run, "Entrypoint");
  }

  public List<String> cmd() {
    return ImageJson.texts(run, "Cmd");
  }

  /** {@code NAME=VALUE} each. */
  public List<String> env() {
    return ImageJson.texts(run, "Env");
  }

  /** {@code user[:group]}, names or numbers; "" for root. */
  public String user() {
    return ImageJson.text(run, "User");
  }

  public String workingDir() {
    return ImageJson.text(run, "WorkingDir");
  }

  public String stopSignal() {
    return ImageJson.text(run, "StopSignal");
  }

  /** Paths that get a volume of their own. */
  public Set<String> volumes() {
    return Set.copyOf(ImageJson.object(run, "Volumes").keySet());
  }

  public Map<String, String> labels() {
    return ImageJson.map(run, "Labels");
  }
}

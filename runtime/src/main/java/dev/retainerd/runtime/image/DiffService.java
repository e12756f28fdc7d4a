package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.AppliedLayer;
import dev.retainerd.runtime.archive.Bounds;
import dev.retainerd.runtime.archive.LayerApplier;
import dev.retainerd.runtime.archive.Whiteouts;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Mount;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Unpacks layers onto mounts. Nothing is mounted for it: an overlay's upper folder is written with
 * overlayfs's own marks, a bind mount's source directly. Thread-safe.
 */
public final class DiffService {
  private static final String LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";

  private final ContentService content;

  public DiffService(ContentService content) {
    this.content = content;
  }

  /**
   * Unpacks a layer of the namespace onto the mounts of an active snapshot.
   *
   * @return the uncompressed layer: its media type, digest and size
   * @throws Refusal not found (the layer), invalid argument (a hostile or broken layer, mounts that
   *     cannot be written)
   */
  public Descriptor apply(String namespace, Descriptor layer, List<Mount> mounts) {
    Place place = place(mounts);
    AppliedLayer applied = unpack(namespace, Digest.parse(layer.getDigest()), place);
    return Descriptor.newBuilder()
        .setMediaType(LAYER_TYPE)
        .setDigest(applied.diffId())
        .setSize(applied.bytes())
        .build();
  }

  /** Unpacks a layer into the folder of an overlay. */
  AppliedLayer unpack(String namespace, Digest layer, Path upper) {
    return unpack(namespace, layer, new Place(upper, Whiteouts.OVERLAY, List.of()));
  }

  private AppliedLayer unpack(String namespace, Digest layer, Place place) {
    try (InputStream in = Channels.newInputStream(content.open(namespace, layer))) {
      return LayerApplier.apply(
          in, place.folder(), place.whiteouts(), place.lowers(), Bounds.USUAL);
    } catch (IOException e) {
      throw Faults.of("layer " + layer + " could not be unpacked", e);
    }
  }

  private record Place(Path folder, Whiteouts whiteouts, List<Path> lowers) {}

  private static Place place(List<Mount> mounts) {
    if (mounts.size() != 1) {
      throw Refusal.invalidArgument(
          "a layer is unpacked onto one mount, and " + mounts.size() + " were given");
    }
    Mount mount = mounts.get(0);
    Place place =
        switch (mount.type()) {
          case "overlay" -> overlay(mount);
          case "bind" -> bind(mount);
          default ->
              throw Refusal.invalidArgument(
                  "a mount of type \""
                      + mount.type()
                      + "\" cannot be unpacked onto; give a bind or"
                      + " overlay mount");
        };
    if (!place.folder().isAbsolute() || !Files.isDirectory(place.folder())) {
      throw Refusal.notFound("the folder " + place.folder() + " to unpack to does not exist");
    }
    return place;
  }

  private static Place bind(Mount mount) {
    if (mount.options().contains("ro")) {
      throw Refusal.invalidArgument(
          "the mount of " + mount.source() + " is read-only; unpack onto an active snapshot");
    }
    return new Place(Path.of(mount.source()), Whiteouts.DIRECT, List.of());
  }

  private static Place overlay(Mount mount) {
    Path upper =
        option(mount, "upperdir=")
            .map(Path::of)
            .orElseThrow(
                () ->
                    Refusal.invalidArgument(
                        "the overlay mount has no upperdir; unpack onto an active snapshot"));
    List<Path> lowers = new ArrayList<>();
    for (String lower : option(mount, "lowerdir=").orElse("").split(":")) {
      if (!lower.isEmpty()) {
        lowers.add(Path.of(lower));
      }
    }
    return new Place(upper, Whiteouts.OVERLAY, lowers);
  }

  private static Optional<String> option(Mount mount, String name) {
    return mount.options().stream()
        .filter(option -> option.startsWith(name))
        .map(option -> option.substring(name.length()))
        .findFirst();
  }
}

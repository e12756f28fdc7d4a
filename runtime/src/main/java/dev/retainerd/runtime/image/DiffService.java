package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.AppliedLayer;
import dev.retainerd.runtime.archive.Bounds;
import dev.retainerd.runtime.archive.Compression;
import dev.retainerd.runtime.archive.LayerApplier;
import dev.retainerd.runtime.archive.LayerComparison;
import dev.retainerd.runtime.archive.Whiteouts;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.snapshot.Mount;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Unpacks layers onto mounts, and writes the difference of mounts as a layer. Nothing is mounted
 * for either: an overlay's folders are read and written with overlayfs's own marks, a bind mount's
 * source directly. Thread-safe.
 */
public final class DiffService {
  private static final String UNCOMPRESSED = "containerd.io/uncompressed";

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
    Digest digest = Digest.parse(layer.getDigest());
    // What is not there is said before what is wrong with the mounts, as by containerd.
    content.info(namespace, digest);
    AppliedLayer applied = unpack(namespace, digest, place(mounts));
    return Descriptor.newBuilder()
        .setMediaType(MediaTypes.OCI_LAYER)
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

  /**
   * How a layer is to be written.
   *
   * @param mediaType "" for OCI's gzip layer
   * @param ref the ingest's name; "" for one of our own
   * @param latestSeconds later times are written as this one, in seconds since the epoch
   */
  public record LayerWish(
      String mediaType, String ref, Map<String, String> labels, Optional<Long> latestSeconds) {}

  /**
   * Writes what {@code right} has over {@code left} as a layer of the namespace's content.
   *
   * @param left no mounts: an empty tree
   * @return the layer; its blob carries its uncompressed digest as a label
   * @throws Refusal invalid argument (mounts that cannot be read), unimplemented (a media type that
   *     is no layer's), failed precondition (marks that only the kernel understands)
   */
  public Descriptor diff(Scope scope, List<Mount> left, List<Mount> right, LayerWish wish) {
    String type = wish.mediaType().isEmpty() ? MediaTypes.OCI_LAYER_GZIP : wish.mediaType();
    Compression compression = compression(type);
    LayerComparison.Side before = side(left);
    LayerComparison.Side after = side(right);
    String ref = wish.ref().isEmpty() ? "layer-" + UUID.randomUUID() : wish.ref();
    try (ContentWriter writer = content.write(scope.namespace(), ref, 0, Optional.empty())) {
      boolean done = false;
      try {
        writer.truncate();
        LayerOutput out = new LayerOutput(writer, compression);
        LayerComparison.write(before, after, out, wish.latestSeconds());
        out.close();
        Map<String, String> labels = new TreeMap<>(wish.labels());
        labels.put(UNCOMPRESSED, out.diffId());
        Descriptor written =
            Descriptor.newBuilder()
                .setMediaType(type)
                .setDigest(writer.digest().toString())
                .setSize(writer.offset())
                .build();
        commit(scope, writer, labels);
        done = true;
        return written;
      } finally {
        if (!done) {
          writer.abort();
        }
      }
    } catch (IOException e) {
      throw Faults.of("the layer \"" + ref + "\" could not be written", e);
    }
  }

  /**
   * Writes what {@code right} has over {@code left} as a plain layer into a file.
   *
   * @param file is made; refused where it is there
   * @throws Refusal as {@link #diff} does
   */
  public void save(List<Mount> left, List<Mount> right, Path file) {
    LayerComparison.Side before = side(left);
    LayerComparison.Side after = side(right);
    try (OutputStream out =
        new BufferedOutputStream(
            Files.newOutputStream(
                Files.createFile(
                    file,
                    PosixFilePermissions.asFileAttribute(
                        PosixFilePermissions.fromString("rw-------")))))) {
      LayerComparison.write(before, after, out, Optional.empty());
    } catch (IOException e) {
      throw Faults.of("the layer " + file + " could not be written", e);
    }
  }

  /** Unpacks such a file, plain or compressed, onto the mounts of an active snapshot. */
  public void apply(Path file, List<Mount> mounts) {
    Place place = place(mounts);
    try (InputStream in =
        new BufferedInputStream(Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS))) {
      LayerApplier.apply(in, place.folder(), place.whiteouts(), place.lowers(), Bounds.USUAL);
    } catch (IOException e) {
      throw Faults.of("the layer " + file + " could not be unpacked", e);
    }
  }

  private void commit(Scope scope, ContentWriter writer, Map<String, String> labels) {
    try {
      writer.commit(scope, 0, Optional.empty(), labels);
    } catch (Refusal e) {
      if (!e.is(Refusal.Code.ALREADY_EXISTS)) {
        throw e;
      }
      content.adopt(scope, writer.digest(), labels);
    }
  }

  private static Compression compression(String mediaType) {
    return switch (mediaType) {
      case MediaTypes.OCI_LAYER, "application/vnd.docker.image.rootfs.diff.tar" -> Compression.NONE;
      case MediaTypes.OCI_LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip" ->
          Compression.GZIP;
      case MediaTypes.OCI_LAYER_ZSTD -> Compression.ZSTD;
      default ->
          throw Refusal.unimplemented(
              "unsupported diff media type: "
                  + mediaType
                  + "; ask for "
                  + MediaTypes.OCI_LAYER_GZIP);
    };
  }

  private static LayerComparison.Side side(List<Mount> mounts) {
    if (mounts.isEmpty()) {
      return new LayerComparison.Side(List.of(), false);
    }
    if (mounts.size() != 1) {
      throw Refusal.invalidArgument(
          "one mount is compared with another, and " + mounts.size() + " were given");
    }
    Mount mount = mounts.get(0);
    List<Path> folders = new ArrayList<>();
    boolean overlay = mount.type().equals("overlay");
    if (overlay) {
      option(mount, "upperdir=").ifPresent(upper -> folders.add(Path.of(upper)));
      folders.addAll(lowers(mount));
    } else if (mount.type().equals("bind") || mount.options().contains("rbind")) {
      folders.add(Path.of(mount.source()));
    } else {
      throw Refusal.invalidArgument(
          "a mount of type \""
              + mount.type()
              + "\" cannot be compared; give a bind or overlay mount");
    }
    for (Path folder : folders) {
      if (!folder.isAbsolute() || !Files.isDirectory(folder)) {
        throw Refusal.notFound("the folder " + folder + " to compare does not exist");
      }
    }
    // Files of a single layer carry its marks too: a view of one layer is a bind mount.
    return new LayerComparison.Side(folders, true);
  }

  private static List<Path> lowers(Mount mount) {
    List<Path> lowers = new ArrayList<>();
    for (String lower : option(mount, "lowerdir=").orElse("").split(":")) {
      if (!lower.isEmpty()) {
        lowers.add(Path.of(lower));
      }
    }
    return lowers;
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
    return new Place(upper, Whiteouts.OVERLAY, lowers(mount));
  }

  private static Optional<String> option(Mount mount, String name) {
    return mount.options().stream()
        .filter(option -> option.startsWith(name))
        .map(option -> option.substring(name.length()))
        .findFirst();
  }
}

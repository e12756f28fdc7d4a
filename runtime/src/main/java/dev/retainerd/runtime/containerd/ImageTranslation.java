package dev.retainerd.runtime.containerd;

import com.google.protobuf.FieldMask;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.types.Descriptor;
import dev.retainerd.wire.containerd.types.Platform;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Image records between the wire's form and ours, and the rules for what they may hold. */
final class ImageTranslation {
  private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

  private ImageTranslation() {}

  static dev.retainerd.runtime.image.Platform platform(Platform wire) {
    return new dev.retainerd.runtime.image.Platform(
        wire.getOs().isEmpty() ? "linux" : wire.getOs(), wire.getArchitecture(), wire.getVariant());
  }

  static ImageRecord record(Image image) {
    return ImageRecord.newBuilder()
        .setName(image.getName())
        .putAllLabels(image.getLabelsMap())
        .setTarget(descriptor(image.getTarget()))
        .build();
  }

  static Image wire(ImageRecord record) {
    return Image.newBuilder()
        .setName(record.getName())
        .putAllLabels(record.getLabelsMap())
        .setTarget(wire(record.getTarget()))
        .setCreatedAt(Translation.timestamp(record.getCreatedAtNanos()))
        .setUpdatedAt(Translation.timestamp(record.getUpdatedAtNanos()))
        .build();
  }

  static dev.retainerd.eventlog.proto.Descriptor descriptor(Descriptor descriptor) {
    return dev.retainerd.eventlog.proto.Descriptor.newBuilder()
        .setMediaType(descriptor.getMediaType())
        .setDigest(descriptor.getDigest())
        .setSize(descriptor.getSize())
        .putAllAnnotations(descriptor.getAnnotationsMap())
        .build();
  }

  static Descriptor wire(dev.retainerd.eventlog.proto.Descriptor descriptor) {
    return Descriptor.newBuilder()
        .setMediaType(descriptor.getMediaType())
        .setDigest(descriptor.getDigest())
        .setSize(descriptor.getSize())
        .putAllAnnotations(descriptor.getAnnotationsMap())
        .build();
  }

  /**
   * Returns the record if it can be one.
   *
   * @throws Refusal INVALID_ARGUMENT
   */
  static ImageRecord checked(ImageRecord record) {
    if (record.getName().isEmpty()) {
      throw Refusal.invalidArgument("an image must have a name");
    }
    Identifiers.checkLabels(record.getLabelsMap());
    String image = "image \"" + record.getName() + "\": ";
    var target = record.getTarget();
    if (!DIGEST.matcher(target.getDigest()).matches()) {
      throw Refusal.invalidArgument(
          image
              + "target.digest \""
              + target.getDigest()
              + "\" is not sha256: and 64 lower-case hexadecimal digits");
    }
    if (target.getSize() <= 0) {
      throw Refusal.invalidArgument(image + "target.size must be greater than zero");
    }
    if (target.getMediaType().isEmpty()) {
      throw Refusal.invalidArgument(image + "target.media_type must be set");
    }
    return record;
  }

  /**
   * The record after an update; an empty mask replaces all of it.
   *
   * @throws Refusal INVALID_ARGUMENT if the mask, or what comes of it, is not allowed
   */
  static ImageRecord updated(ImageRecord before, Image wanted, FieldMask mask) {
    List<String> paths = mask.getPathsList();
    if (paths.isEmpty()) {
      return checked(
          record(wanted).toBuilder().setCreatedAtNanos(before.getCreatedAtNanos()).build());
    }
    var after = before.toBuilder();
    for (String path : paths) {
      if (path.equals("target")) {
        after.setTarget(descriptor(wanted.getTarget()));
      } else if (!MaskedMap.concerns(path, "labels") && !MaskedMap.concerns(path, "annotations")) {
        throw Refusal.invalidArgument(
            "cannot update the field \"%s\" of image \"%s\"".formatted(path, before.getName()));
      }
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "labels"))) {
      after
          .clearLabels()
          .putAllLabels(
              MaskedMap.labels(before.getLabelsMap(), wanted.getLabelsMap(), "labels", paths));
    }
    if (paths.stream().anyMatch(path -> MaskedMap.concerns(path, "annotations"))) {
      var target = after.getTargetBuilder();
      var annotations =
          MaskedMap.labels(
              target.getAnnotationsMap(),
              wanted.getTarget().getAnnotationsMap(),
              "annotations",
              paths);
      target.clearAnnotations().putAllAnnotations(annotations);
    }
    return checked(after.build());
  }

  static Fields fields(ImageRecord record) {
    return path ->
        switch (path.getFirst()) {
          case "name" -> Fields.value(record.getName());
          case "target" -> target(record, path);
          case "labels" -> Fields.entry(record.getLabelsMap(), path);
          case "annotations" -> Fields.entry(record.getTarget().getAnnotationsMap(), path);
          default -> Optional.empty();
        };
  }

  private static Optional<String> target(ImageRecord record, List<String> path) {
    if (path.size() < 2) {
      return Optional.empty();
    }
    return switch (path.get(1)) {
      case "digest" -> Fields.value(record.getTarget().getDigest());
      case "mediatype" -> Fields.value(record.getTarget().getMediaType());
      default -> Optional.empty();
    };
  }
}

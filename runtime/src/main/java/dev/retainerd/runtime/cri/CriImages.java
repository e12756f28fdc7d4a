package dev.retainerd.runtime.cri;

import static dev.retainerd.runtime.cri.Answers.answer;
import static dev.retainerd.runtime.cri.Answers.inBatches;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.image.ImageService;
import dev.retainerd.runtime.image.NodeImage;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.snapshot.Usage;
import dev.retainerd.wire.cri.v1.AuthConfig;
import dev.retainerd.wire.cri.v1.FilesystemIdentifier;
import dev.retainerd.wire.cri.v1.FilesystemUsage;
import dev.retainerd.wire.cri.v1.Image;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.ImageFsInfoResponse;
import dev.retainerd.wire.cri.v1.ImageServiceGrpc;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import dev.retainerd.wire.cri.v1.ImageStatusResponse;
import dev.retainerd.wire.cri.v1.Int64Value;
import dev.retainerd.wire.cri.v1.ListImagesRequest;
import dev.retainerd.wire.cri.v1.ListImagesResponse;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.PullImageResponse;
import dev.retainerd.wire.cri.v1.RemoveImageRequest;
import dev.retainerd.wire.cri.v1.RemoveImageResponse;
import dev.retainerd.wire.cri.v1.StreamImagesRequest;
import dev.retainerd.wire.cri.v1.StreamImagesResponse;
import dev.retainerd.wire.cri.v1.UInt64Value;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** CRI's ImageService. Methods that are not here answer UNIMPLEMENTED. Thread-safe. */
public final class CriImages extends ImageServiceGrpc.ImageServiceImplBase {
  private static final String HANDLER_ANNOTATION = "io.containerd.cri.runtime-handler";

  private final ImageService images;
  private final Path snapshotsFolder;
  private final Clock clock;
  private final Supplier<Origin> origins;

  /**
   * Makes the service.
   *
   * @param snapshotsFolder has a folder for each snapshotter
   * @param origins says who makes the present call
   */
  public CriImages(
      ImageService images, Path snapshotsFolder, Clock clock, Supplier<Origin> origins) {
    this.images = images;
    this.snapshotsFolder = snapshotsFolder;
    this.clock = clock;
    this.origins = origins;
  }

  @Override
  public void listImages(ListImagesRequest request, StreamObserver<ListImagesResponse> caller) {
    answer(
        caller,
        () -> {
          ListImagesResponse.Builder found = ListImagesResponse.newBuilder();
          String wanted = request.getFilter().getImage().getImage();
          if (wanted.isEmpty()) {
            images.list().forEach(image -> found.addImages(view(image)));
          } else {
            images.status(wanted).ifPresent(image -> found.addImages(view(image)));
          }
          return found.build();
        });
  }

  @Override
  public void streamImages(
      StreamImagesRequest request, StreamObserver<StreamImagesResponse> caller) {
    String wanted = request.getFilter().getImage().getImage();
    List<NodeImage> found =
        wanted.isEmpty() ? images.list() : images.status(wanted).stream().toList();
    inBatches(
        caller,
        found,
        some ->
            StreamImagesResponse.newBuilder()
                .addAllImages(some.stream().map(CriImages::view).toList())
                .build());
  }

  @Override
  public void imageStatus(ImageStatusRequest request, StreamObserver<ImageStatusResponse> caller) {
    answer(
        caller,
        () -> {
          ImageStatusResponse.Builder status = ImageStatusResponse.newBuilder();
          Optional<NodeImage> found = images.status(name(request.getImage()));
          found.ifPresent(image -> status.setImage(view(image)));
          if (request.getVerbose() && found.isPresent()) {
            JsonObject info = new JsonObject();
            info.addProperty("chainID", found.get().chainId());
            info.add("imageSpec", images.configuration(found.get()));
            status.putInfo("info", info.toString());
          }
          return status.build();
        });
  }

  @Override
  public void pullImage(PullImageRequest request, StreamObserver<PullImageResponse> caller) {
    answer(
        caller,
        () ->
            PullImageResponse.newBuilder()
                .setImageRef(
                    images.pull(
                        origins.get(),
                        name(request.getImage()),
                        credentials(request.getAuth()),
                        handler(request)))
                .build());
  }

  @Override
  public void removeImage(RemoveImageRequest request, StreamObserver<RemoveImageResponse> caller) {
    answer(
        caller,
        () -> {
          images.remove(origins.get(), name(request.getImage()));
          return RemoveImageResponse.getDefaultInstance();
        });
  }

  @Override
  public void imageFsInfo(ImageFsInfoRequest request, StreamObserver<ImageFsInfoResponse> caller) {
    answer(
        caller,
        () -> {
          Instant now = clock.instant();
          ImageFsInfoResponse.Builder info = ImageFsInfoResponse.newBuilder();
          // A kubelet reads the first alone; of the others, as with containerd, those with files.
          images
              .usage()
              .forEach(
                  (snapshotter, usage) -> {
                    if (info.getImageFilesystemsCount() == 0 || usage.inodes() > 0) {
                      FilesystemUsage filesystem = filesystem(snapshotter, usage, now);
                      info.addImageFilesystems(filesystem).addContainerFilesystems(filesystem);
                    }
                  });
          return info.build();
        });
  }

  private FilesystemUsage filesystem(String snapshotter, Usage usage, Instant now) {
    return FilesystemUsage.newBuilder()
        .setTimestamp(now.getEpochSecond() * 1_000_000_000L + now.getNano())
        .setFsId(
            FilesystemIdentifier.newBuilder()
                .setMountpoint(snapshotsFolder.resolve(snapshotter).toString()))
        .setUsedBytes(UInt64Value.newBuilder().setValue(usage.bytes()))
        .setInodesUsed(UInt64Value.newBuilder().setValue(usage.inodes()))
        .build();
  }

  /** As the request says; as its pod does, in the annotation of before cri-api 0.29, if not. */
  private static String handler(PullImageRequest request) {
    String asked = request.getImage().getRuntimeHandler();
    return asked.isEmpty()
        ? request.getSandboxConfig().getAnnotationsOrDefault(HANDLER_ANNOTATION, "")
        : asked;
  }

  private static String name(ImageSpec image) {
    if (image.getImage().isEmpty()) {
      throw Refusal.invalidArgument("the request names no image; set image.image");
    }
    return image.getImage();
  }

  private static Image view(NodeImage image) {
    Image.Builder view =
        Image.newBuilder()
            .setId(image.id())
            .addAllRepoTags(image.tags())
            .addAllRepoDigests(image.digests())
            .setSize(image.sizeBytes())
            .setSpec(ImageSpec.newBuilder().setImage(image.name()))
            .setPinned(image.pinned());
    String user = image.config().user().split(":", 2)[0];
    if (!user.isEmpty() && user.chars().allMatch(c -> c >= '0' && c <= '9') && user.length() < 19) {
      view.setUid(Int64Value.newBuilder().setValue(Long.parseLong(user)));
    } else {
      view.setUsername(user);
    }
    return view.build();
  }

  /** As kubelet sends them: names and tokens, or the whole as base64 of NAME:PASSWORD. */
  private static Credentials credentials(AuthConfig auth) {
    if (!auth.getAuth().isEmpty() && auth.getUsername().isEmpty()) {
      String pair;
      try {
        pair =
            new String(Base64.getDecoder().decode(auth.getAuth().strip()), StandardCharsets.UTF_8);
      } catch (IllegalArgumentException e) {
        throw Refusal.invalidArgument("auth.auth is not base64 of NAME:PASSWORD");
      }
      int colon = pair.indexOf(':');
      if (colon < 0) {
        throw Refusal.invalidArgument("auth.auth is not base64 of NAME:PASSWORD");
      }
      return Credentials.basic(
          pair.substring(0, colon), pair.substring(colon + 1).replace("\0", ""));
    }
    return new Credentials(
        auth.getUsername(), auth.getPassword(), auth.getIdentityToken(), auth.getRegistryToken());
  }
}

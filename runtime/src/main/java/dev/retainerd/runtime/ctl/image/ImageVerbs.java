package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.services.images.v1.CreateImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.DeleteImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.GetImageRequest;
import dev.retainerd.wire.containerd.services.images.v1.Image;
import dev.retainerd.wire.containerd.services.images.v1.ImagesGrpc;
import dev.retainerd.wire.containerd.services.images.v1.ListImagesRequest;
import dev.retainerd.wire.containerd.services.images.v1.UpdateImageRequest;
import dev.retainerd.wire.containerd.types.Descriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl images}. */
public final class ImageVerbs {

  private ImageVerbs() {}

  private static ImagesGrpc.ImagesBlockingStub stub(Session session) {
    return session.bounded(ImagesGrpc.newBlockingStub(session.channel()));
  }

  /** The image of that name. */
  public static Image get(Session session, String name) {
    return stub(session).get(GetImageRequest.newBuilder().setName(name).build()).getImage();
  }

  /** The images that fit one of the filters; all where there are none. */
  public static List<Image> all(Session session, List<String> filters) {
    return stub(session)
        .list(ListImagesRequest.newBuilder().addAllFilters(filters).build())
        .getImagesList();
  }

  /** Creates the image, or points it at a new target where it is there already. */
  static void put(Session session, Image image) {
    try {
      stub(session).create(CreateImageRequest.newBuilder().setImage(image).build());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
        throw e;
      }
      stub(session).update(UpdateImageRequest.newBuilder().setImage(image).build());
    }
  }

  /** What a listing says of the blobs behind an image. */
  private record Weight(long bytes, String platforms) {

    static Weight of(Session session, Descriptor target) {
      Blobs blobs = new Blobs(session);
      long bytes = 0;
      TreeSet<String> platforms = new TreeSet<>();
      for (Descriptor one : new Manifests(blobs).closure(target)) {
        boolean here = blobs.info(one.getDigest()).isPresent();
        bytes += here ? one.getSize() : 0;
        if (here && isConfig(one.getMediaType())) {
          platforms.add(Manifests.platform(blobs.document(one.getDigest())));
        }
      }
      return new Weight(bytes, platforms.isEmpty() ? "-" : String.join(",", platforms));
    }

    private static boolean isConfig(String mediaType) {
      return mediaType.equals(Manifests.OCI_CONFIG) || mediaType.equals(Manifests.DOCKER_CONFIG);
    }
  }

  /** Lists them. */
  @Command(name = "list", description = "list images known to the daemon")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the image refs")
    boolean quiet;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      List<Image> images = all(session, filters);
      if (quiet) {
        images.forEach(image -> session.println(image.getName()));
        return 0;
      }
      JsonArray list = new JsonArray();
      Table table = Table.narrow("REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS");
      for (Image image : images) {
        Descriptor target = image.getTarget();
        Weight weight = Weight.of(session, target);
        JsonObject tree = new JsonObject();
        tree.addProperty("Name", image.getName());
        tree.addProperty("MediaType", target.getMediaType());
        tree.addProperty("Digest", target.getDigest());
        tree.addProperty("Size", weight.bytes());
        tree.addProperty("Platforms", weight.platforms());
        tree.add("Labels", Trees.of(image.getLabelsMap()));
        tree.addProperty("CreatedAt", Times.rfc3339(image.getCreatedAt()));
        list.add(tree);
        table.row(
            image.getName(),
            target.getMediaType(),
            target.getDigest(),
            Phrases.bytes(weight.bytes()),
            weight.platforms(),
            Labels.text(image.getLabelsMap()));
      }
      if (session.json()) {
        session.print(list);
      } else {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Tells which images are whole. */
  @Command(
      name = "check",
      description = "check existing images to ensure all content is available locally")
  public static final class Check extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the ready image refs (fully downloaded and unpacked)")
    boolean quiet;

    @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
    String snapshotter;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Blobs blobs = new Blobs(session);
      Manifests manifests = new Manifests(blobs);
      Table table = Table.narrow("REF", "TYPE", "DIGEST", "STATUS", "SIZE", "UNPACKED");
      for (Image image : all(session, filters)) {
        List<Descriptor> closure = manifests.closure(image.getTarget());
        List<Descriptor> here =
            closure.stream().filter(one -> blobs.info(one.getDigest()).isPresent()).toList();
        boolean complete = here.size() == closure.size();
        boolean unpacked = complete && unpacked(session, manifests, image);
        long have = here.stream().mapToLong(Descriptor::getSize).sum();
        long want = closure.stream().mapToLong(Descriptor::getSize).sum();
        if (quiet && complete && unpacked) {
          session.println(image.getName());
        }
        table.row(
            image.getName(),
            image.getTarget().getMediaType(),
            image.getTarget().getDigest(),
            (complete ? "complete" : "incomplete")
                + " ("
                + here.size()
                + "/"
                + closure.size()
                + ")",
            Phrases.bytes(have) + "/" + Phrases.bytes(want),
            unpacked);
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }

    private boolean unpacked(Session session, Manifests manifests, Image image) {
      try {
        String chain = manifests.forThisNode(image.getName(), image.getTarget()).chainId();
        return chain.isEmpty() || new Unpacker(session, snapshotter).exists(chain);
      } catch (CommandFailure notForThisNode) {
        return false;
      }
    }
  }

  /** Removes some. */
  @Command(name = "delete", description = "remove one or more images by reference")
  public static final class Rm extends Verb {
    @Option(
        names = "--sync",
        description = "Synchronously remove image and all associated resources")
    boolean sync;

    @Parameters(arity = "1..*", paramLabel = "REF")
    List<String> names;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          names,
          name -> {
            stub(session)
                .delete(DeleteImageRequest.newBuilder().setName(name).setSync(sync).build());
            session.println(name);
          });
    }
  }

  /** Gives an image further names. */
  @Command(name = "tag", description = "tag an image")
  public static final class Tag extends Verb {
    @Option(
        names = "--force",
        description = "force target_ref to be created, regardless if it already exists")
    boolean force;

    @Parameters(index = "0", paramLabel = "SOURCE")
    String source;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "TARGET")
    List<String> targets;

    @Override
    protected int run(Session session) {
      Image image = get(session, source);
      for (String target : targets) {
        Image named = image.toBuilder().setName(target).build();
        if (force) {
          put(session, named);
        } else {
          stub(session).create(CreateImageRequest.newBuilder().setImage(named).build());
        }
        session.println(target);
      }
      return 0;
    }
  }

  /** Sets and clears labels. */
  @Command(name = "label", description = "set and clear labels for an image")
  public static final class Label extends Verb {
    @Option(
        names = {"-r", "--replace-all"},
        description = "replace all labels")
    boolean replaceAll;

    @Parameters(index = "0", paramLabel = "REF")
    String name;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Map<String, String> wanted = Labels.parse(labels);
      FieldMask.Builder mask = FieldMask.newBuilder();
      if (replaceAll) {
        mask.addPaths("labels");
      } else {
        wanted.keySet().forEach(key -> mask.addPaths("labels." + key));
      }
      Image changed =
          stub(session)
              .update(
                  UpdateImageRequest.newBuilder()
                      .setImage(Image.newBuilder().setName(name).putAllLabels(wanted))
                      .setUpdateMask(mask)
                      .build())
              .getImage();
      session.println(Labels.text(changed.getLabelsMap()));
      return 0;
    }
  }

  /** Imports an archive. */
  @Command(name = "import", description = "import images")
  public static final class Import extends Verb {
    @Option(
        names = "--base-name",
        defaultValue = "",
        description = "base image name for added images; only images of this prefix are imported")
    String baseName;

    @Option(
        names = "--index-name",
        defaultValue = "",
        description = "image name to keep index as, by default index is discarded")
    String indexName;

    @Option(names = "--digests", description = "also create images named after their digest")
    boolean digests;

    @Option(names = "--no-unpack", description = "skip unpacking the images")
    boolean noUnpack;

    @Option(
        names = "--skip-digest-for-named",
        description = "skip applying --digests option to images named in the importing tar")
    boolean skipDigestForNamed;

    @Option(
        names = "--all-platforms",
        description = "imports content for all platforms, false by default")
    boolean allPlatforms;

    @Option(
        names = "--platform",
        defaultValue = "",
        paramLabel = "PLATFORM",
        description = "imports content for specific platform")
    String platform;

    @Option(
        names = "--compress-blobs",
        description = "compress uncompressed blobs when creating manifest (Docker format only)")
    boolean compressBlobs;

    @Option(names = "--local", hidden = true, description = "accepted for ctr's sake")
    boolean local;

    @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
    String snapshotter;

    @Parameters(index = "0", paramLabel = "FILE", description = "an OCI or docker archive; - stdin")
    String file;

    @Override
    protected int run(Session session) throws IOException {
      if (skipDigestForNamed && !digests) {
        throw CommandFailure.usage("--skip-digest-for-named must be used with --digests");
      }
      PlatformWish wish = platform.isEmpty() ? PlatformWish.here() : PlatformWish.parse(platform);
      try (InputStream in = file.equals("-") ? System.in : Files.newInputStream(Path.of(file));
          Leased lease = Leased.begin(session)) {
        Importer importer =
            new Importer(
                session,
                new Importer.Names(baseName, indexName, digests, skipDigestForNamed),
                allPlatforms ? PlatformWish.ANY : wish,
                compressBlobs);
        for (Image image : importer.read(in, file)) {
          put(session, image);
          if (noUnpack || image.getName().equals(indexName)) {
            session.println(image.getName());
            continue;
          }
          session.out().print("unpacking " + image.getName() + " (" + digest(image) + ")...");
          session.out().flush();
          new Unpacker(session, snapshotter)
              .unpack(
                  new Manifests(new Blobs(session))
                      .forPlatform(image.getName(), image.getTarget(), wish));
          session.println("done");
        }
      }
      return 0;
    }

    private static String digest(Image image) {
      return image.getTarget().getDigest();
    }
  }
}

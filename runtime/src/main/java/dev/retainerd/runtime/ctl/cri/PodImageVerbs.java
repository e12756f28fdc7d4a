package dev.retainerd.runtime.ctl.cri;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.cri.v1.AuthConfig;
import dev.retainerd.wire.cri.v1.Image;
import dev.retainerd.wire.cri.v1.ImageFsInfoRequest;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.ImageStatusRequest;
import dev.retainerd.wire.cri.v1.ImageStatusResponse;
import dev.retainerd.wire.cri.v1.ListImagesRequest;
import dev.retainerd.wire.cri.v1.ListImagesResponse;
import dev.retainerd.wire.cri.v1.PullImageRequest;
import dev.retainerd.wire.cri.v1.RemoveImageRequest;
import dev.retainerd.wire.cri.v1.StatusRequest;
import dev.retainerd.wire.cri.v1.VersionRequest;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Images for pods, and the runtime's own state, in crictl's words. */
public final class PodImageVerbs {
  private static final int SHORT_ID_BYTES = 13;

  private PodImageVerbs() {}

  private static ImageSpec spec(String name) {
    return ImageSpec.newBuilder().setImage(name).build();
  }

  /** Lists them. */
  @Command(name = "images", description = "list images for pods")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the ids")
    boolean quiet;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      ListImagesResponse all =
          Cri.images(session).listImages(ListImagesRequest.getDefaultInstance());
      if (session.json()) {
        Cri.print(session, all);
        return 0;
      }
      Table table = Table.cri("IMAGE", "TAG", "IMAGE ID", "SIZE");
      for (Image image : all.getImagesList()) {
        if (quiet) {
          session.println(image.getId());
        }
        String id = image.getId().replaceFirst("^sha256:", "");
        List<String> tags =
            image.getRepoTagsCount() == 0 ? List.of("<none>:<none>") : image.getRepoTagsList();
        for (String tag : tags) {
          int at = tag.lastIndexOf(':');
          table.row(
              at < 0 ? tag : tag.substring(0, at),
              at < 0 ? "<none>" : tag.substring(at + 1),
              id.substring(0, Math.min(SHORT_ID_BYTES, id.length())),
              Phrases.bytes(image.getSize()));
        }
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Pulls one. */
  @Command(name = "pull", description = "pull an image from a registry")
  public static final class Pull extends Verb {
    @Option(
        names = "--creds",
        defaultValue = "",
        paramLabel = "USER[:PASSWORD]",
        description = "credentials for the registry")
    String credentials;

    @Parameters(index = "0", paramLabel = "IMAGE")
    String name;

    @Override
    protected int run(Session session) {
      PullImageRequest.Builder request = PullImageRequest.newBuilder().setImage(spec(name));
      if (!credentials.isEmpty()) {
        String[] parts = credentials.split(":", 2);
        request.setAuth(
            AuthConfig.newBuilder()
                .setUsername(parts[0])
                .setPassword(parts.length > 1 ? parts[1] : ""));
      }
      session.println(
          "Image is up to date for "
              + Cri.images(session).pullImage(request.build()).getImageRef());
      return 0;
    }
  }

  /** Removes some. */
  @Command(name = "rmi", description = "remove one or more images")
  public static final class Rm extends Verb {
    @Parameters(arity = "1..*", paramLabel = "IMAGE")
    List<String> names;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          names,
          name -> {
            Cri.images(session)
                .removeImage(RemoveImageRequest.newBuilder().setImage(spec(name)).build());
            session.println("Deleted: " + name);
          });
    }
  }

  /** Shows one. */
  @Command(name = "inspecti", description = "show the status of an image")
  public static final class Inspect extends Verb {
    @Parameters(index = "0", paramLabel = "IMAGE")
    String name;

    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      ImageStatusResponse status =
          Cri.images(session)
              .imageStatus(
                  ImageStatusRequest.newBuilder().setImage(spec(name)).setVerbose(true).build());
      if (!status.hasImage()) {
        throw CommandFailure.of("there is no image " + name + ": pull or import it");
      }
      Cri.print(session, status);
      return 0;
    }
  }

  /** Shows the room they take. */
  @Command(name = "imagefsinfo", description = "show the room that images take")
  public static final class FsInfo extends Verb {
    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      Cri.print(session, Cri.images(session).imageFsInfo(ImageFsInfoRequest.getDefaultInstance()));
      return 0;
    }
  }

  /** Shows the runtime's conditions. */
  @Command(name = "info", description = "show the state of the runtime")
  public static final class Info extends Verb {
    @Override
    protected int run(Session session) throws InvalidProtocolBufferException {
      Cri.print(
          session,
          Cri.runtime(session).status(StatusRequest.newBuilder().setVerbose(true).build()));
      return 0;
    }
  }

  /** Shows the version of runtime and API. */
  @Command(name = "version", description = "show the version of runtime and API")
  public static final class Version extends Verb {
    @Override
    protected int run(Session session) {
      var version =
          Cri.runtime(session).version(VersionRequest.newBuilder().setVersion("v1").build());
      session.println("Version:  " + version.getVersion());
      session.println("RuntimeName:  " + version.getRuntimeName());
      session.println("RuntimeVersion:  " + version.getRuntimeVersion());
      session.println("RuntimeApiVersion:  " + version.getRuntimeApiVersion());
      return 0;
    }
  }
}

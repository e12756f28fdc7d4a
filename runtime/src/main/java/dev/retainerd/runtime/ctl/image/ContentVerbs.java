package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.DeleteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.Info;
import dev.retainerd.wire.containerd.services.content.v1.ListStatusesRequest;
import dev.retainerd.wire.containerd.services.content.v1.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl content}: blobs by digest. */
public final class ContentVerbs {

  private ContentVerbs() {}

  private static ContentGrpc.ContentBlockingStub stub(Session session) {
    return session.bounded(ContentGrpc.newBlockingStub(session.channel()));
  }

  private static String age(com.google.protobuf.Timestamp since) {
    long nanos = since.getSeconds() * 1_000_000_000L + since.getNanos();
    return Times.ago(nanos).replace(" ago", "");
  }

  /** Lists them. */
  @Command(name = "list", description = "list all blobs in the store")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the blob digest")
    boolean quiet;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Table table = Table.narrow("DIGEST", "SIZE", "AGE", "LABELS");
      for (Info one : new Blobs(session).list(filters)) {
        if (quiet) {
          session.println(one.getDigest());
        }
        table.row(
            one.getDigest(),
            Phrases.bytes(one.getSize()),
            age(one.getCreatedAt()),
            Labels.text(one.getLabelsMap()));
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Lists transfers under way. */
  @Command(name = "active", description = "display active transfers")
  public static final class Active extends Verb {
    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Table table = Table.narrow("REF", "SIZE", "AGE");
      for (Status one :
          stub(session)
              .listStatuses(ListStatusesRequest.newBuilder().addAllFilters(filters).build())
              .getStatusesList()) {
        table.row(one.getRef(), Phrases.bytes(one.getOffset()), age(one.getStartedAt()));
      }
      table.print(session.out());
      return 0;
    }
  }

  /** Copies one to stdout. */
  @Command(name = "get", description = "get the data for an object")
  public static final class Get extends Verb {
    @Parameters(index = "0", paramLabel = "DIGEST")
    String digest;

    @Override
    protected int run(Session session) throws IOException {
      new Blobs(session).copy(digest, session.out());
      return 0;
    }
  }

  /** Stores stdin. */
  @Command(name = "ingest", description = "accept content into the store")
  public static final class Ingest extends Verb {
    @Option(
        names = "--expected-size",
        defaultValue = "0",
        description = "validate against provided size")
    long size;

    @Option(
        names = "--expected-digest",
        defaultValue = "",
        description = "verify content against expected digest")
    String digest;

    @Parameters(index = "0", paramLabel = "KEY")
    String ref;

    @Override
    protected int run(Session session) throws IOException {
      if (ref.isBlank()) {
        throw CommandFailure.usage("a transfer needs a name");
      }
      new Blobs(session).write(ref, System.in, size, digest, Map.of());
      return 0;
    }
  }

  /** Deletes some. */
  @Command(name = "delete", description = "permanently delete one or more blobs")
  public static final class Rm extends Verb {
    @Parameters(arity = "1..*", paramLabel = "DIGEST")
    List<String> digests;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          digests,
          digest -> {
            stub(session).delete(DeleteContentRequest.newBuilder().setDigest(digest).build());
            session.println(digest);
          });
    }
  }

  /** Sets and clears labels. */
  @Command(name = "label", description = "add labels to content")
  public static final class Label extends Verb {
    @Parameters(index = "0", paramLabel = "DIGEST")
    String digest;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels;

    @Override
    protected int run(Session session) {
      Blobs blobs = new Blobs(session);
      blobs.label(digest, Labels.parse(labels));
      blobs.info(digest).ifPresent(info -> session.println(Labels.text(info.getLabelsMap())));
      return 0;
    }
  }
}

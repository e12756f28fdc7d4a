package dev.retainerd.runtime.containerd;

import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.content.IngestStatus;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.runtime.image.ContentService;
import dev.retainerd.runtime.image.ContentWriter;
import dev.retainerd.runtime.image.Scope;
import dev.retainerd.wire.containerd.services.content.v1.WriteAction;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Optional;

/**
 * One Write call: the client says STAT, WRITE or COMMIT, and hears after each where the ingest
 * stands. The first message names the ingest, which no other call can write to until this one ends;
 * what it has collected outlives the call unless it is committed.
 *
 * <p>gRPC calls it from one thread at a time.
 */
final class ContentWriteDialogue implements StreamObserver<WriteContentRequest> {
  private final ContentService content;
  private final Namespaces namespaces;
  private final ServerCallStreamObserver<WriteContentResponse> response;
  private final String lease = CallContext.leaseIfAny().orElse("");
  private final Origin origin = JournalRecords.origin();

  private String namespace = "";
  private ContentWriter ingest;
  private boolean over;
  private long total;
  private Optional<Digest> expected = Optional.empty();

  ContentWriteDialogue(
      ContentService content,
      Namespaces namespaces,
      StreamObserver<WriteContentResponse> response) {
    this.content = content;
    this.namespaces = namespaces;
    this.response = (ServerCallStreamObserver<WriteContentResponse>) response;
    this.response.setOnCancelHandler(this::end);
  }

  @Override
  public void onNext(WriteContentRequest request) {
    if (over) {
      return;
    }
    try {
      expect(request);
      if (ingest == null) {
        begin(request);
      } else if (!request.getExpected().isEmpty()) {
        refuseKnown();
      }
      WriteContentResponse answer = step(request);
      response.onNext(answer);
      if (request.getAction() == WriteAction.COMMIT) {
        end();
        response.onCompleted();
      }
    } catch (RuntimeException e) {
      end();
      throw e;
    }
  }

  private void expect(WriteContentRequest request) {
    if (!request.getExpected().isEmpty()) {
      expected = Optional.of(Digest.parse(request.getExpected()));
    }
    if (request.getTotal() > 0) {
      total = request.getTotal();
    }
  }

  private void begin(WriteContentRequest request) {
    if (request.getRef().isEmpty()) {
      throw Refusal.invalidArgument("the first message of a write must name the ingest in ref");
    }
    namespace = namespaces.forWriting();
    try {
      ingest = content.write(namespace, request.getRef(), total, expected);
    } catch (Refusal e) {
      if (e.is(Refusal.Code.ALREADY_EXISTS)) {
        keep();
      }
      throw e;
    }
  }

  /** The client counts on the blob from now on, as if it had written it: its lease holds it. */
  private void keep() {
    if (!lease.isEmpty()) {
      content.keep(new Scope(origin, namespace, lease), expected.orElseThrow());
    }
  }

  /** The blob may have arrived by another way since this ingest began. */
  private void refuseKnown() {
    if (content.find(namespace, expected.orElseThrow()).isPresent()) {
      ingest.abort();
      keep();
      throw Refusal.alreadyExists("content " + expected.get() + " already exists");
    }
  }

  private WriteContentResponse step(WriteContentRequest request) {
    var answer = WriteContentResponse.newBuilder().setAction(request.getAction());
    return switch (request.getAction()) {
      case STAT -> {
        IngestStatus status = ingest.status();
        yield answer
            .setOffset(ingest.offset())
            .setTotal(total)
            .setDigest(ingest.digest().toString())
            .setStartedAt(ContentApi.timestamp(status.startedAt()))
            .setUpdatedAt(ContentApi.timestamp(status.updatedAt()))
            .build();
      }
      case WRITE -> {
        write(request);
        yield answer
            .setOffset(ingest.offset())
            .setTotal(total)
            .setDigest(ingest.digest().toString())
            .build();
      }
      case COMMIT -> {
        Identifiers.checkLabels(request.getLabelsMap());
        write(request);
        long offset = ingest.offset();
        Digest digest =
            ingest.commit(
                new Scope(origin, namespace, lease), total, expected, request.getLabelsMap());
        yield answer.setOffset(offset).setTotal(total).setDigest(digest.toString()).build();
      }
      case UNRECOGNIZED ->
          throw Refusal.invalidArgument(
              "the action %d of a write is not known".formatted(request.getActionValue()));
    };
  }

  /** An offset of 0 begins again; any other must be where the ingest stands. */
  private void write(WriteContentRequest request) {
    if (request.getOffset() > 0 && request.getOffset() != ingest.offset()) {
      throw Refusal.outOfRange(
          "ingest \"%s\" stands at %d, so nothing can be written at %d"
              .formatted(request.getRef(), ingest.offset(), request.getOffset()));
    }
    if (request.getOffset() == 0 && ingest.offset() > 0) {
      ingest.truncate();
    }
    if (!request.getData().isEmpty()) {
      ingest.write(request.getData().asReadOnlyByteBuffer());
    }
  }

  @Override
  public void onError(Throwable gone) {
    end();
  }

  @Override
  public void onCompleted() {
    if (!over) {
      end();
      response.onCompleted();
    }
  }

  private void end() {
    over = true;
    if (ingest != null) {
      ingest.close();
    }
  }
}

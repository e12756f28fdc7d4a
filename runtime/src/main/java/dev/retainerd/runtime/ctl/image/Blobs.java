package dev.retainerd.runtime.ctl.image;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import com.google.protobuf.UnsafeByteOperations;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.wire.containerd.services.content.v1.AbortRequest;
import dev.retainerd.wire.containerd.services.content.v1.ContentGrpc;
import dev.retainerd.wire.containerd.services.content.v1.Info;
import dev.retainerd.wire.containerd.services.content.v1.InfoRequest;
import dev.retainerd.wire.containerd.services.content.v1.ListContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ReadContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.ReadContentResponse;
import dev.retainerd.wire.containerd.services.content.v1.UpdateRequest;
import dev.retainerd.wire.containerd.services.content.v1.WriteAction;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentRequest;
import dev.retainerd.wire.containerd.services.content.v1.WriteContentResponse;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The daemon's content store, seen from a client. */
public final class Blobs {
  private static final int CHUNK_BYTES = 512 * 1024;

  /** Manifests and configs are small; what is larger is no manifest. */
  private static final int DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;

  /** How long the daemon may take to make one blob durable. */
  private static final long COMMIT_SECONDS = 120;

  private final Session session;

  public Blobs(Session session) {
    this.session = session;
  }

  private ContentGrpc.ContentBlockingStub stub() {
    return session.bounded(ContentGrpc.newBlockingStub(session.channel()));
  }

  /** What the store knows of that digest; empty where it is not there. */
  public Optional<Info> info(String digest) {
    try {
      return Optional.of(stub().info(InfoRequest.newBuilder().setDigest(digest).build()).getInfo());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return Optional.empty();
      }
      throw e;
    }
  }

  public List<Info> list(List<String> filters) {
    List<Info> found = new ArrayList<>();
    stub()
        .list(ListContentRequest.newBuilder().addAllFilters(filters).build())
        .forEachRemaining(part -> found.addAll(part.getInfoList()));
    return found;
  }

  /** Copies a blob out. */
  public void copy(String digest, OutputStream out) throws IOException {
    Iterator<ReadContentResponse> parts =
        session
            .patient(ContentGrpc.newBlockingStub(session.channel()))
            .read(ReadContentRequest.newBuilder().setDigest(digest).build());
    while (parts.hasNext()) {
      parts.next().getData().writeTo(out);
    }
  }

  /** A JSON blob, parsed. */
  public JsonObject document(String digest) {
    Iterator<ReadContentResponse> parts =
        stub().read(ReadContentRequest.newBuilder().setDigest(digest).build());
    ByteString bytes = ByteString.empty();
    while (parts.hasNext()) {
      bytes = bytes.concat(parts.next().getData());
      if (bytes.size() > DOCUMENT_BYTES_MAX) {
        throw CommandFailure.of("blob " + digest + " is too large to be a manifest or a config");
      }
    }
    try {
      return Trees.parse(bytes);
    } catch (JsonParseException e) {
      throw CommandFailure.of("blob " + digest + " is no JSON document", e);
    }
  }

  /** The digest that the store will know these bytes by. */
  public static String digestOf(byte[] bytes) {
    return Manifests.sha256(bytes);
  }

  /** Adds labels to a blob that is there. */
  public void label(String digest, Map<String, String> labels) {
    FieldMask.Builder mask = FieldMask.newBuilder();
    labels.keySet().forEach(name -> mask.addPaths("labels." + name));
    stub()
        .update(
            UpdateRequest.newBuilder()
                .setInfo(Info.newBuilder().setDigest(digest).putAllLabels(labels))
                .setUpdateMask(mask)
                .build());
  }

  /**
   * Stores what {@code in} holds and returns its digest.
   *
   * @param ref names the transfer, so that a second one of the same blob does not run beside it
   * @param size the length, 0 where it is not known
   * @param expected the digest, "" where it is not known
   */
  public String write(
      String ref, InputStream in, long size, String expected, Map<String, String> labels)
      throws IOException {
    if (!expected.isEmpty() && info(expected).isPresent()) {
      if (!labels.isEmpty()) {
        label(expected, labels);
      }
      in.skip(Long.MAX_VALUE);
      return expected;
    }
    MessageDigest sent = Manifests.sha256();
    try {
      return stream(ref, new DigestInputStream(in, sent), size, expected, labels);
    } catch (StatusException e) {
      if (e.getStatus().getCode() != Status.Code.ALREADY_EXISTS) {
        throw e.getStatus().asRuntimeException();
      }
      // Where the digest was not known before, only the commit can tell that the blob is there
      // already: all of it was read by then.
      String known = expected.isEmpty() ? Manifests.named(sent) : expected;
      if (!labels.isEmpty()) {
        label(known, labels);
      }
      return known;
    } catch (InterruptedException | TimeoutException e) {
      throw CommandFailure.of("the daemon did not take blob " + ref + " in time", e);
    }
  }

  private String stream(
      String ref, InputStream in, long size, String expected, Map<String, String> labels)
      throws IOException, StatusException, InterruptedException, TimeoutException {
    BlockingClientCall<WriteContentRequest, WriteContentResponse> call =
        session.patient(ContentGrpc.newBlockingV2Stub(session.channel())).write();
    long offset = 0;
    byte[] chunk = new byte[CHUNK_BYTES];
    // An earlier transfer of this name that broke off: begin anew rather than trust its bytes.
    call.write(WriteContentRequest.newBuilder().setAction(WriteAction.STAT).setRef(ref).build());
    WriteContentResponse before = answer(call);
    if (before.getOffset() > 0) {
      call.cancel("begin anew", null);
      stub().abort(AbortRequest.newBuilder().setRef(ref).build());
      call = session.patient(ContentGrpc.newBlockingV2Stub(session.channel())).write();
    }
    for (int read = in.readNBytes(chunk, 0, chunk.length);
        read > 0;
        read = in.readNBytes(chunk, 0, chunk.length)) {
      // The chunk is handed to another thread: it must not be written again.
      ByteString data = UnsafeByteOperations.unsafeWrap(chunk, 0, read);
      call.write(
          WriteContentRequest.newBuilder()
              .setAction(WriteAction.WRITE)
              .setRef(ref)
              .setTotal(size)
              .setExpected(expected)
              .setOffset(offset)
              .setData(data)
              .build());
      answer(call);
      offset += read;
      chunk = new byte[CHUNK_BYTES];
    }
    call.write(
        WriteContentRequest.newBuilder()
            .setAction(WriteAction.COMMIT)
            .setRef(ref)
            .setTotal(offset)
            .setExpected(expected)
            .setOffset(offset)
            .putAllLabels(labels)
            .build());
    String digest = answer(call).getDigest();
    call.halfClose();
    return digest.isEmpty() ? expected : digest;
  }

  private static WriteContentResponse answer(
      BlockingClientCall<WriteContentRequest, WriteContentResponse> call)
      throws StatusException, InterruptedException, TimeoutException {
    WriteContentResponse answer = call.read(COMMIT_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw CommandFailure.of("the daemon ended the transfer without a word");
    }
    return answer;
  }
}

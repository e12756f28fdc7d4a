package dev.retainerd.runtime.ctl.image;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.wire.containerd.services.streaming.v1.StreamInit;
import dev.retainerd.wire.containerd.services.streaming.v1.StreamingGrpc;
import dev.retainerd.wire.containerd.services.transfer.v1.TransferGrpc;
import dev.retainerd.wire.containerd.services.transfer.v1.TransferOptions;
import dev.retainerd.wire.containerd.services.transfer.v1.TransferRequest;
import dev.retainerd.wire.containerd.types.transfer.AuthResponse;
import dev.retainerd.wire.containerd.types.transfer.AuthType;
import dev.retainerd.wire.containerd.types.transfer.Data;
import dev.retainerd.wire.containerd.types.transfer.Progress;
import dev.retainerd.wire.containerd.types.transfer.WindowUpdate;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.OutputStream;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** Transfers that the daemon does, with streams for progress, credentials and bytes. */
final class DaemonTransfer {
  private static final long OPEN_SECONDS = 30;
  private static final int WINDOW_BYTES = 1 << 20;

  private final Session session;

  DaemonTransfer(Session session) {
    this.session = session;
  }

  /** A message as Go packs it: its plain name, without a host before it. */
  static Any packed(Message message) {
    return Any.newBuilder()
        .setTypeUrl(message.getDescriptorForType().getFullName())
        .setValue(message.toByteString())
        .build();
  }

  /** One open stream. */
  final class Pipe implements ClientResponseObserver<Any, Any>, AutoCloseable {
    final String id = UUID.randomUUID().toString();
    private final CompletableFuture<Void> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Consumer<Any> taker;
    private ClientCallStreamObserver<Any> out;

    private Pipe(Consumer<Any> taker) {
      this.taker = taker;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<Any> call) {
      out = call;
    }

    @Override
    public void onNext(Any message) {
      if (!opened.complete(null)) {
        taker.accept(message);
      }
    }

    @Override
    public void onError(Throwable broken) {
      opened.completeExceptionally(broken);
      ended.completeExceptionally(broken);
    }

    @Override
    public void onCompleted() {
      ended.complete(null);
    }

    synchronized void send(Message message) {
      out.onNext(packed(message));
    }

    /** Waits until the daemon has ended its side. */
    void awaitEnd() throws InterruptedException {
      try {
        ended.get(OPEN_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        throw Status.fromThrowable(e.getCause()).asRuntimeException();
      } catch (TimeoutException e) {
        throw CommandFailure.of("the daemon does not end its stream", e);
      }
    }

    @Override
    public void close() {
      if (!ended.isDone()) {
        out.cancel("done", null);
      }
    }
  }

  /** Opens a stream; {@code taker} gets what the daemon sends, on another thread. */
  Pipe open(Consumer<Any> taker) throws InterruptedException {
    Pipe pipe = new Pipe(taker);
    StreamingGrpc.newStub(session.channel()).stream(pipe);
    pipe.send(StreamInit.newBuilder().setId(pipe.id).build());
    try {
      pipe.opened.get(OPEN_SECONDS, TimeUnit.SECONDS);
      return pipe;
    } catch (ExecutionException e) {
      throw Status.fromThrowable(e.getCause()).asRuntimeException();
    } catch (TimeoutException e) {
      throw CommandFailure.of("the daemon does not open a stream", e);
    }
  }

  /** A stream that answers the daemon's questions for credentials. */
  Pipe credentials(String user) throws InterruptedException {
    String[] parts = user.split(":", 2);
    AuthResponse answer =
        AuthResponse.newBuilder()
            .setAuthType(AuthType.CREDENTIALS)
            .setUsername(parts[0])
            .setSecret(parts.length > 1 ? parts[1] : "")
            .build();
    Pipe[] pipe = new Pipe[1];
    pipe[0] = open(question -> pipe[0].send(answer));
    return pipe[0];
  }

  /** A stream whose bytes go to {@code to}. */
  Pipe bytes(OutputStream to) throws InterruptedException {
    Pipe[] pipe = new Pipe[1];
    long[] taken = new long[1];
    pipe[0] =
        open(
            message -> {
              try {
                Data data = Data.parseFrom(message.getValue());
                data.getData().writeTo(to);
                taken[0] += data.getData().size();
                if (taken[0] >= WINDOW_BYTES / 2) {
                  pipe[0].send(WindowUpdate.newBuilder().setUpdate((int) taken[0]).build());
                  taken[0] = 0;
                }
              } catch (InvalidProtocolBufferException e) {
                pipe[0].onError(e);
              } catch (IOException e) {
                pipe[0].onError(
                    Status.ABORTED.withDescription(e.getMessage()).asRuntimeException());
                pipe[0].out.cancel("cannot be written", e);
              }
            });
    pipe[0].send(WindowUpdate.newBuilder().setUpdate(WINDOW_BYTES).build());
    return pipe[0];
  }

  /** Lets the daemon move something, and shows how far it is. */
  void run(Message source, Message destination, ProgressBars bars) throws InterruptedException {
    Consumer<Any> told =
        message -> {
          try {
            bars.tell(Progress.parseFrom(message.getValue()));
          } catch (InvalidProtocolBufferException newer) {
            // A newer daemon's word on progress: the transfer goes on without it.
          }
        };
    try (Pipe progress = open(told)) {
      session
          .patient(TransferGrpc.newBlockingStub(session.channel()))
          .transfer(
              TransferRequest.newBuilder()
                  .setSource(packed(source))
                  .setDestination(packed(destination))
                  .setOptions(TransferOptions.newBuilder().setProgressStream(progress.id))
                  .build());
      progress.awaitEnd();
    } finally {
      bars.end();
    }
  }
}

package dev.retainerd.shim.service;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.retainerd.shim.container.Containers;
import dev.retainerd.shim.container.ExitJournal;
import dev.retainerd.shim.output.LogSettings;
import dev.retainerd.shim.protocol.StatusCode;
import dev.retainerd.shim.protocol.TtrpcCall;
import dev.retainerd.shim.protocol.TtrpcException;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.retain.AdoptRequest;
import dev.retainerd.shim.wire.retain.AdoptResponse;
import dev.retainerd.shim.wire.retain.AttachRequest;
import dev.retainerd.shim.wire.retain.InfoResponse;
import dev.retainerd.shim.wire.retain.LogSettingsRequest;
import dev.retainerd.shim.wire.retain.LogSettingsResponse;
import dev.retainerd.shim.wire.retain.RecordsRequest;
import dev.retainerd.shim.wire.retain.RecordsResponse;
import dev.retainerd.shim.wire.retain.ReopenLogRequest;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import dev.retainerd.shim.wire.retain.SendDescriptorsResponse;
import dev.retainerd.shim.wire.retain.ShutdownIfEmptyResponse;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Our own service: shim.proto. Thread-safe. */
final class RetainCalls {
  private static final long WAIT_MAX_MILLIS = 60_000;

  private final Containers containers;
  private final ExitJournal journal;
  private final String version;
  private final Runnable exit;

  RetainCalls(Containers containers, ExitJournal journal, String version, Runnable exit) {
    this.containers = containers;
    this.journal = journal;
    this.version = version;
    this.exit = exit;
  }

  /** The answer, or null when it comes later. */
  MessageLite serve(TtrpcCall call) throws TtrpcException, InvalidProtocolBufferException {
    byte[] bytes = call.payload();
    return switch (call.method()) {
      case "Info" -> info();
      case "Adopt" -> {
        AdoptRequest request = AdoptRequest.parseFrom(bytes);
        yield AdoptResponse.newBuilder()
            .addAllOutcomes(
                containers.adopt(request.getContainersList(), request.getHolderSocket()))
            .build();
      }
      case "Records" -> {
        RecordsRequest request = RecordsRequest.parseFrom(bytes);
        long wait = Math.min(WAIT_MAX_MILLIS, Integer.toUnsignedLong(request.getWaitMillis()));
        journal.read(
            request.getSince(),
            wait,
            records -> call.answer(RecordsResponse.newBuilder().addAllRecords(records).build()));
        yield null;
      }
      case "ReopenLog" -> {
        ReopenLogRequest request = ReopenLogRequest.parseFrom(bytes);
        containers.reopenLog(request.getNamespace(), request.getId());
        yield Empty.getDefaultInstance();
      }
      case "LogSettings" -> logSettings(LogSettingsRequest.parseFrom(bytes));
      case "Attach" -> {
        AttachRequest request = AttachRequest.parseFrom(bytes);
        containers.attach(
            request.getNamespace(), request.getId(), request.getStdout(), request.getStderr());
        yield Empty.getDefaultInstance();
      }
      case "SendDescriptors" -> {
        Path holder = Path.of(SendDescriptorsRequest.parseFrom(bytes).getHolderSocket());
        yield SendDescriptorsResponse.newBuilder()
            .addAllNames(containers.sendDescriptors(holder))
            .build();
      }
      case "ShutdownIfEmpty" -> {
        boolean empty = containers.isEmpty();
        if (empty) {
          exit.run();
        }
        yield ShutdownIfEmptyResponse.newBuilder().setShuttingDown(empty).build();
      }
      default ->
          throw new TtrpcException(
              StatusCode.UNIMPLEMENTED, "method " + call.method() + " is not served by this shim");
    };
  }

  private MessageLite logSettings(LogSettingsRequest request) throws TtrpcException {
    Map<String, Long> changes = new HashMap<>();
    if (request.hasMaxLineBytes()) {
      changes.put("max_line_bytes", request.getMaxLineBytes());
    }
    if (request.hasBytesPerSecond()) {
      changes.put("bytes_per_second", request.getBytesPerSecond());
    }
    if (request.hasMaxFileBytes()) {
      changes.put("max_file_bytes", request.getMaxFileBytes());
    }
    if (request.hasMaxFiles()) {
      changes.put("max_files", request.getMaxFiles());
    }
    LogSettings now = containers.logSettings(request.getNamespace(), request.getId(), changes);
    return LogSettingsResponse.newBuilder()
        .setMaxLineBytes(now.maxLineBytes())
        .setBytesPerSecond(now.bytesPerSecond())
        .setMaxFileBytes(now.maxFileBytes())
        .setMaxFiles(now.maxFiles())
        .build();
  }

  private MessageLite info() {
    return InfoResponse.newBuilder()
        .setPid(Containers.selfPid())
        .setStartTimeTicks(Containers.selfStartTicks())
        .setVersion(version)
        .setBootId(Containers.bootId())
        .addAllContainers(containers.held())
        .setLastRecord(journal.last())
        .build();
  }
}

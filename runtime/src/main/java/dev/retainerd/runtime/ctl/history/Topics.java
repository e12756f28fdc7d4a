package dev.retainerd.runtime.ctl.history;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import dev.retainerd.wire.containerd.events.ContainerCreate;
import dev.retainerd.wire.containerd.events.ContainerDelete;
import dev.retainerd.wire.containerd.events.ContainerUpdate;
import dev.retainerd.wire.containerd.events.ContentDelete;
import dev.retainerd.wire.containerd.events.ImageCreate;
import dev.retainerd.wire.containerd.events.ImageDelete;
import dev.retainerd.wire.containerd.events.ImageUpdate;
import dev.retainerd.wire.containerd.events.NamespaceCreate;
import dev.retainerd.wire.containerd.events.NamespaceDelete;
import dev.retainerd.wire.containerd.events.NamespaceUpdate;
import dev.retainerd.wire.containerd.events.SnapshotCommit;
import dev.retainerd.wire.containerd.events.SnapshotPrepare;
import dev.retainerd.wire.containerd.events.SnapshotRemove;
import dev.retainerd.wire.containerd.events.TaskCheckpointed;
import dev.retainerd.wire.containerd.events.TaskCreate;
import dev.retainerd.wire.containerd.events.TaskDelete;
import dev.retainerd.wire.containerd.events.TaskExecAdded;
import dev.retainerd.wire.containerd.events.TaskExecStarted;
import dev.retainerd.wire.containerd.events.TaskExit;
import dev.retainerd.wire.containerd.events.TaskIO;
import dev.retainerd.wire.containerd.events.TaskOOM;
import dev.retainerd.wire.containerd.events.TaskPaused;
import dev.retainerd.wire.containerd.events.TaskResumed;
import dev.retainerd.wire.containerd.events.TaskStart;
import java.util.Map;
import java.util.Optional;

/** The payloads of containerd's events, by the name at the end of their type URL. */
final class Topics {
  private static final Map<String, Parser<? extends Message>> PARSERS =
      Map.ofEntries(
          Map.entry("ContainerCreate", ContainerCreate.parser()),
          Map.entry("ContainerUpdate", ContainerUpdate.parser()),
          Map.entry("ContainerDelete", ContainerDelete.parser()),
          Map.entry("ContentDelete", ContentDelete.parser()),
          Map.entry("ImageCreate", ImageCreate.parser()),
          Map.entry("ImageUpdate", ImageUpdate.parser()),
          Map.entry("ImageDelete", ImageDelete.parser()),
          Map.entry("NamespaceCreate", NamespaceCreate.parser()),
          Map.entry("NamespaceUpdate", NamespaceUpdate.parser()),
          Map.entry("NamespaceDelete", NamespaceDelete.parser()),
          Map.entry("SnapshotPrepare", SnapshotPrepare.parser()),
          Map.entry("SnapshotCommit", SnapshotCommit.parser()),
          Map.entry("SnapshotRemove", SnapshotRemove.parser()),
          Map.entry("TaskCreate", TaskCreate.parser()),
          Map.entry("TaskStart", TaskStart.parser()),
          Map.entry("TaskDelete", TaskDelete.parser()),
          Map.entry("TaskIO", TaskIO.parser()),
          Map.entry("TaskExit", TaskExit.parser()),
          Map.entry("TaskOOM", TaskOOM.parser()),
          Map.entry("TaskExecAdded", TaskExecAdded.parser()),
          Map.entry("TaskExecStarted", TaskExecStarted.parser()),
          Map.entry("TaskPaused", TaskPaused.parser()),
          Map.entry("TaskResumed", TaskResumed.parser()),
          Map.entry("TaskCheckpointed", TaskCheckpointed.parser()));

  private Topics() {}

  static Optional<Message> parse(Any event) {
    String type = event.getTypeUrl();
    int at = type.lastIndexOf("containerd.events.");
    Parser<? extends Message> parser =
        at < 0 ? null : PARSERS.get(type.substring(at + "containerd.events.".length()));
    if (parser == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(parser.parseFrom(event.getValue()));
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }
}

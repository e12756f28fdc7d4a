package dev.retainerd.runtime.containerd;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.wire.containerd.events.ContainerEventsProto;
import dev.retainerd.wire.containerd.events.ContentEventsProto;
import dev.retainerd.wire.containerd.events.ImageEventsProto;
import dev.retainerd.wire.containerd.events.NamespaceEventsProto;
import dev.retainerd.wire.containerd.events.SandboxEventsProto;
import dev.retainerd.wire.containerd.events.SnapshotEventsProto;
import dev.retainerd.wire.containerd.events.TaskEventsProto;
import dev.retainerd.wire.containerd.types.Envelope;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The fields of an event for filters: {@code topic}, {@code namespace}, and {@code event.FIELD}
 * with the payload's own field names, such as {@code event.container_id}.
 */
final class EventFields {
  private static final Map<String, com.google.protobuf.Descriptors.Descriptor> PAYLOADS =
      Stream.of(
              ContainerEventsProto.getDescriptor(),
              ContentEventsProto.getDescriptor(),
              ImageEventsProto.getDescriptor(),
              NamespaceEventsProto.getDescriptor(),
              SandboxEventsProto.getDescriptor(),
              SnapshotEventsProto.getDescriptor(),
              TaskEventsProto.getDescriptor())
          .flatMap(file -> file.getMessageTypes().stream())
          .collect(Collectors.toMap(type -> type.getFullName(), Function.identity()));

  private EventFields() {}

  static Fields of(Envelope envelope) {
    return path ->
        switch (path.getFirst()) {
          case "namespace" -> Fields.value(envelope.getNamespace());
          case "topic" -> Fields.value(envelope.getTopic());
          case "event" -> payload(envelope).flatMap(m -> field(m, path.subList(1, path.size())));
          default -> Optional.empty();
        };
  }

  private static Optional<Message> payload(Envelope envelope) {
    var type = PAYLOADS.get(envelope.getEvent().getTypeUrl());
    if (type == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          com.google.protobuf.DynamicMessage.parseFrom(type, envelope.getEvent().getValue()));
    } catch (InvalidProtocolBufferException notWhatItSays) {
      return Optional.empty();
    }
  }

  private static Optional<String> field(Message message, List<String> path) {
    if (path.isEmpty()) {
      return Optional.empty();
    }
    FieldDescriptor field = message.getDescriptorForType().findFieldByName(path.getFirst());
    if (field == null) {
      return Optional.empty();
    }
    if (field.isMapField()) {
      return Fields.entry(mapOf(message, field), path);
    }
    if (field.isRepeated()) {
      return Optional.empty();
    }
    if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
      return field((Message) message.getField(field), path.subList(1, path.size()));
    }
    return Fields.value(String.valueOf(message.getField(field)));
  }

  private static Map<String, String> mapOf(Message message, FieldDescriptor field) {
    var type = field.getMessageType();
    return Stream.iterate(0, i -> i < message.getRepeatedFieldCount(field), i -> i + 1)
        .map(i -> (Message) message.getRepeatedField(field, i))
        .collect(
            Collectors.toMap(
                entry -> String.valueOf(entry.getField(type.findFieldByNumber(1))),
                entry -> String.valueOf(entry.getField(type.findFieldByNumber(2)))));
  }
}

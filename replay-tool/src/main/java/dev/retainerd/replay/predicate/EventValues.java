package dev.retainerd.replay.predicate;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.proto.Records;
import dev.retainerd.store.words.Told;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** What a predicate can ask of an event. */
final class EventValues {
  private static final List<String> NAMES =
      List.of(
          "type",
          "sequence",
          "time",
          "namespace",
          "subject",
          "actor",
          "pid",
          "uid",
          "executable",
          "request",
          "cause",
          "secrets",
          "payload");

  private EventValues() {}

  static void check(List<String> path, Function<String, PredicateException> wrong) {
    if (!NAMES.contains(path.getFirst())) {
      throw wrong.apply(
          "asks an event for \""
              + path.getFirst()
              + "\"; it has "
              + String.join(", ", NAMES)
              + " (payload is followed by its fields)");
    }
  }

  static List<Object> of(Told told, List<String> path) {
    var e = told.envelope();
    Message payload = (Message) told.event().payload();
    return switch (path.getFirst()) {
      case "type" -> List.of(told.type().title());
      case "sequence" -> List.of(e.sequence());
      case "time" -> List.of(told.time().toString());
      case "namespace" -> List.of(e.namespace());
      case "subject" -> List.of(e.subject());
      case "actor" -> List.of(e.actor().kind().name().toLowerCase(Locale.ROOT));
      case "pid" -> List.of((long) e.actor().pid());
      case "uid" -> List.of((long) e.actor().uid());
      case "executable" -> List.of(e.actor().executable());
      case "request" -> List.of(e.requestId());
      case "cause" -> List.of(e.causedBySequence());
      case "secrets" -> secrets(payload);
      default -> path.size() == 1 ? List.of(payload) : ofPayload(payload, path);
    };
  }

  /** Payloads differ from type to type: one without such a field has no such value. */
  private static List<Object> ofPayload(Message payload, List<String> path) {
    boolean known = payload.getDescriptorForType().findFieldByName(path.get(1)) != null;
    return known ? Values.under(payload, path.subList(1, path.size())) : List.of();
  }

  /** Names of the fields that are set and may hold secrets, such as annotations or spec. */
  static List<Object> secrets(Message message) {
    List<Object> names = new ArrayList<>();
    collect(message, "", names);
    return names;
  }

  private static void collect(Message message, String outer, List<Object> names) {
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              if (field.getOptions().getExtension(Records.secret)) {
                // The value of an Opaque says nothing: what it is the value of does.
                names.add(field.getName().equals("value") ? outer : field.getName());
              } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                for (Object one : field.isRepeated() ? (Collection<?>) value : List.of(value)) {
                  boolean pair = field.isMapField() && one instanceof Message;
                  collect((Message) one, pair ? field.getName() : name(field, outer), names);
                }
              }
            });
  }

  private static String name(FieldDescriptor field, String outer) {
    return field.getName().equals("value") ? outer : field.getName();
  }
}

package dev.retainerd.replay.predicate;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * What stands under a path in a message. A path through a repeated field leads to several values; a
 * comparison holds where it holds for one of them.
 */
final class Values {

  private Values() {}

  /**
   * The values under a path; none where a part of it is not set.
   *
   * @throws PredicateException where the message has no such field
   */
  static List<Object> under(Message message, List<String> path) {
    List<Object> found = new ArrayList<>(1);
    collect(message, path, found);
    return found;
  }

  private static void collect(Message message, List<String> path, List<Object> found) {
    FieldDescriptor field = message.getDescriptorForType().findFieldByName(path.getFirst());
    if (field == null) {
      throw new PredicateException(
          "a "
              + message.getDescriptorForType().getName()
              + " has no field \""
              + path.getFirst()
              + "\"; it has "
              + String.join(
                  ", ",
                  message.getDescriptorForType().getFields().stream()
                      .map(FieldDescriptor::getName)
                      .toList()));
    }
    List<String> rest = path.subList(1, path.size());
    if (field.isMapField()) {
      map(message, field, rest, found);
    } else if (field.isRepeated()) {
      for (Object one : (Collection<?>) message.getField(field)) {
        step(one, rest, found);
      }
    } else if (field.hasPresence() ? message.hasField(field) : true) {
      step(message.getField(field), rest, found);
    }
  }

  private static void map(
      Message message, FieldDescriptor field, List<String> rest, List<Object> found) {
    FieldDescriptor key = field.getMessageType().findFieldByNumber(1);
    FieldDescriptor value = field.getMessageType().findFieldByNumber(2);
    for (Object entry : (Collection<?>) message.getField(field)) {
      Message pair = (Message) entry;
      if (rest.isEmpty()) {
        found.add(pair.getField(key).toString());
      } else if (pair.getField(key).toString().equals(rest.getFirst())) {
        step(pair.getField(value), rest.subList(1, rest.size()), found);
      }
    }
  }

  private static void step(Object value, List<String> rest, List<Object> found) {
    if (rest.isEmpty()) {
      found.add(plain(value));
    } else if (value instanceof Message inner) {
      collect(inner, rest, found);
    } else {
      throw new PredicateException("there is nothing named \"" + rest.getFirst() + "\" in a value");
    }
  }

  /** Phases read without what they begin with: RUNNING. */
  private static Object plain(Object value) {
    return switch (value) {
      case EnumValueDescriptor constant -> {
        int at = constant.getName().indexOf("_PHASE_");
        yield at < 0 ? constant.getName() : constant.getName().substring(at + "_PHASE_".length());
      }
      case ByteString bytes -> bytes.isValidUtf8() ? bytes.toStringUtf8() : bytes.toString();
      case Integer number -> number.longValue();
      default -> value;
    };
  }

  /** Whether a value says something: set, not empty, not zero, not false. */
  static boolean truth(Object value) {
    return switch (value) {
      case Boolean truth -> truth;
      case Number number -> number.longValue() != 0;
      case String text -> !text.isEmpty();
      default -> true;
    };
  }
}

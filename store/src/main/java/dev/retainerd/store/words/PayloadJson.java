package dev.retainerd.store.words;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.proto.Records;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A payload as a tree of maps, lists, strings, numbers and booleans, ready for any JSON writer.
 * Values of fields that the schema marks as secret are replaced by their length unless asked for.
 * Immutable; thread-safe.
 */
public final class PayloadJson {
  private final boolean showSecrets;

  public PayloadJson(boolean showSecrets) {
    this.showSecrets = showSecrets;
  }

  /** The set fields of {@code message}, in the order of their numbers; names as in the schema. */
  public Map<String, Object> tree(Message message) {
    Map<String, Object> fields = new LinkedHashMap<>();
    message
        .getAllFields()
        .forEach((field, value) -> fields.put(field.getName(), field(field, value)));
    return fields;
  }

  /** The same tree as one line of JSON. */
  public String json(Message message) {
    StringBuilder out = new StringBuilder();
    write(out, tree(message));
    return out.toString();
  }

  private Object field(FieldDescriptor field, Object value) {
    if (!showSecrets && field.getOptions().getExtension(Records.secret)) {
      return "‹secret " + size(field, value) + " bytes›";
    }
    if (field.isMapField()) {
      Map<String, Object> entries = new TreeMap<>();
      for (Object entry : (Collection<?>) value) {
        Message pair = (Message) entry;
        FieldDescriptor keyField = field.getMessageType().findFieldByNumber(1);
        FieldDescriptor valueField = field.getMessageType().findFieldByNumber(2);
        entries.put(
            String.valueOf(pair.getField(keyField)), single(valueField, pair.getField(valueField)));
      }
      return entries;
    }
    if (field.isRepeated()) {
      return ((List<?>) value).stream().map(one -> single(field, one)).toList();
    }
    return single(field, value);
  }

  private Object single(FieldDescriptor field, Object value) {
    return switch (value) {
      case Message message -> tree(message);
      case ByteString bytes -> text(bytes);
      case EnumValueDescriptor constant -> constant.getName();
      default -> value;
    };
  }

  private static String text(ByteString bytes) {
    return bytes.isValidUtf8()
        ? bytes.toStringUtf8()
        : "base64:" + Base64.getEncoder().encodeToString(bytes.toByteArray());
  }

  private static int size(FieldDescriptor field, Object value) {
    if (field.isRepeated()) {
      int sum = 0;
      for (Object one : (Collection<?>) value) {
        sum += size(one);
      }
      return sum;
    }
    return size(value);
  }

  private static int size(Object value) {
    return switch (value) {
      case Message message -> message.getSerializedSize();
      case ByteString bytes -> bytes.size();
      default -> value.toString().length();
    };
  }

  private static void write(StringBuilder out, Object value) {
    switch (value) {
      case Map<?, ?> map -> {
        out.append('{');
        boolean first = true;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(first ? "" : ",");
          first = false;
          quote(out, entry.getKey().toString());
          out.append(':');
          write(out, entry.getValue());
        }
        out.append('}');
      }
      case Collection<?> list -> {
        out.append('[');
        boolean first = true;
        for (Object one : list) {
          out.append(first ? "" : ",");
          first = false;
          write(out, one);
        }
        out.append(']');
      }
      case Number number -> out.append(number);
      case Boolean truth -> out.append(truth);
      default -> quote(out, value.toString());
    }
  }

  private static void quote(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          // U+2028 and U+2029 end a line in JavaScript, '<' may end a script element.
          if (c < 0x20 || c == '<' || c == 0x2028 || c == 0x2029 || c == 0x7f) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}

package dev.retainerd.eventlog.event;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import com.google.protobuf.WireFormat;
import dev.retainerd.eventlog.Secrets;
import dev.retainerd.eventlog.proto.Records;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds the bytes of an encoded payload that its schema marks as secret: the content of texts and
 * byte strings, and of a map its values. Masked there, the payload still decodes. Thread-safe.
 */
public final class SecretSpans {
  /** Whether a message, or one within it, has a secret field. */
  private static final Map<Descriptor, Boolean> HOLDS = new ConcurrentHashMap<>();

  private SecretSpans() {}

  /**
   * The secret spans of a payload.
   *
   * @param payload the message
   * @param encoded its bytes
   */
  public static List<Secrets.Span> of(MessageLite payload, byte[] encoded) {
    Descriptor type = ((Message) payload).getDescriptorForType();
    if (!holds(type)) {
      return List.of();
    }
    List<Secrets.Span> spans = new ArrayList<>();
    try {
      collect(type, false, CodedInputStream.newInstance(encoded), encoded.length, spans);
    } catch (IOException e) {
      throw new UnreadableEventException(
          "the bytes of a " + type.getName() + " are not that message", e);
    }
    return spans;
  }

  private static boolean holds(Descriptor type) {
    Boolean known = HOLDS.get(type);
    if (known == null) {
      known = holds(type, new ArrayList<>());
      HOLDS.put(type, known);
    }
    return known;
  }

  private static boolean holds(Descriptor type, List<Descriptor> path) {
    if (path.contains(type)) {
      return false;
    }
    path.add(type);
    for (FieldDescriptor field : type.getFields()) {
      if (secret(field)
          || field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
              && holds(field.getMessageType(), path)) {
        return true;
      }
    }
    return false;
  }

  private static boolean secret(FieldDescriptor field) {
    return field.getOptions().getExtension(Records.secret);
  }

  private static void collect(
      Descriptor type, boolean all, CodedInputStream in, int end, List<Secrets.Span> spans)
      throws IOException {
    while (in.getTotalBytesRead() < end) {
      int tag = in.readTag();
      FieldDescriptor field = type.findFieldByNumber(WireFormat.getTagFieldNumber(tag));
      boolean delimited = WireFormat.getTagWireType(tag) == WireFormat.WIRETYPE_LENGTH_DELIMITED;
      if (field == null || !delimited) {
        in.skipField(tag);
        continue;
      }
      boolean key = type.getOptions().getMapEntry() && field.getNumber() == 1;
      boolean hidden = !key && (all || secret(field));
      int length = in.readRawVarint32();
      int from = in.getTotalBytesRead();
      switch (field.getJavaType()) {
        case MESSAGE -> {
          if (hidden || holds(field.getMessageType())) {
            collect(field.getMessageType(), hidden, in, from + length, spans);
          } else {
            in.skipRawBytes(length);
          }
        }
        case STRING, BYTE_STRING -> {
          in.skipRawBytes(length);
          if (hidden && length > 0) {
            spans.add(new Secrets.Span(from, length));
          }
        }
        // Packed numbers: to mask them would make other numbers of them.
        case INT, LONG, FLOAT, DOUBLE, BOOLEAN, ENUM -> in.skipRawBytes(length);
      }
    }
  }
}

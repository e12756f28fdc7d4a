package dev.retainerd.eventlog.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Payloads of every version of every event type, as they were once written, are decoded for ever.
 * Each file of {@code golden/events} holds the type's number and title, the version, the payload in
 * hex, and what was read from it then: field numbers and values.
 *
 * <p>A file is written once, when its version is new ({@code -Dgolden.write=true}), and never
 * changed. A test that fails here says that logs on people's disks can no longer be read.
 */
class EventGoldenTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/events");
  private static final HexFormat HEX = HexFormat.of();
  private static final int DEPTH = 4;

  private record Golden(int number, String title, int version, String payload, String values) {
    static Golden read(Path file) throws IOException {
      List<String> lines = Files.readAllLines(file);
      return new Golden(
          Integer.parseInt(lines.get(0)),
          lines.get(1),
          Integer.parseInt(lines.get(2)),
          lines.get(3),
          String.join("\n", lines.subList(4, lines.size())));
    }

    void write(Path file) throws IOException {
      Files.createDirectories(file.getParent());
      Files.writeString(
          file, number + "\n" + title + "\n" + version + "\n" + payload + "\n" + values + "\n");
    }
  }

  static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void whatWasWrittenOnceIsReadAsItWasThen(Path file) throws IOException {
    Golden golden = Golden.read(file);
    EventType type = EventType.ofNumber(golden.number).orElseThrow();
    assertEquals(golden.title, type.title(), "a number keeps its meaning");
    Event event = type.decode(golden.version, HEX.parseHex(golden.payload));
    if (golden.version == type.schemaVersion()) {
      Message payload = (Message) event.payload();
      assertEquals(golden.values, String.join("\n", values("", payload)));
      assertTrue(nothingUnknown(payload), "a field is no longer known");
    }
  }

  @ParameterizedTest
  @EnumSource(EventType.class)
  void everyVersionOfEveryTypeHasItsFile(EventType type) throws IOException {
    for (int version = 1; version <= type.schemaVersion(); version++) {
      Path file =
          FOLDER.resolve(String.format("%03d-%s-v%d.txt", type.number(), type.title(), version));
      if (Files.notExists(file)
          && version == type.schemaVersion()
          && Boolean.getBoolean("golden.write")) {
        Message sample = sample(type);
        new Golden(
                type.number(),
                type.title(),
                version,
                HEX.formatHex(bytes(sample)),
                String.join("\n", values("", sample)))
            .write(file);
      }
      assertTrue(
          Files.exists(file),
          file + " is missing: run this test once with -Dgolden.write=true and commit it");
    }
  }

  @Test
  void aFieldThatLosesItsMeaningIsNoticed() throws IOException {
    Message sample = sample(EventType.TASK_EXITED);
    List<String> values = values("", sample);
    assertTrue(values.size() > 3, values::toString);
    Message other =
        sample.toBuilder().clearField(sample.getDescriptorForType().findFieldByNumber(1)).build();
    assertTrue(!values.equals(values("", other)));
  }

  /** A payload in which every field has a value, the same each time. */
  private static Message sample(EventType type) {
    Message empty = (Message) type.decode(type.schemaVersion(), new byte[0]).payload();
    return filled(empty.getDescriptorForType(), 0);
  }

  private static Message filled(Descriptor type, int depth) {
    DynamicMessage.Builder message = DynamicMessage.newBuilder(type);
    for (FieldDescriptor field : type.getFields()) {
      if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE && depth >= DEPTH) {
        continue;
      }
      if (field.isMapField()) {
        message.addRepeatedField(field, filled(field.getMessageType(), depth + 1));
      } else if (field.isRepeated()) {
        message.addRepeatedField(field, value(field, depth, 0));
        message.addRepeatedField(field, value(field, depth, 1));
      } else {
        message.setField(field, value(field, depth, 0));
      }
    }
    return message.build();
  }

  private static Object value(FieldDescriptor field, int depth, int more) {
    int number = field.getNumber() * 7 + depth + more + 1;
    return switch (field.getJavaType()) {
      case INT -> number;
      case LONG -> number * 1_000_000_007L;
      case FLOAT -> number / 2f;
      case DOUBLE -> number / 2d;
      case BOOLEAN -> true;
      case STRING -> field.getName() + "-" + number;
      case BYTE_STRING -> ByteString.copyFromUtf8("bytes of " + field.getName() + number);
      case ENUM -> field.getEnumType().getValues().getLast();
      case MESSAGE -> filled(field.getMessageType(), depth + 1);
    };
  }

  private static byte[] bytes(Message message) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    message.writeTo(out);
    out.flush();
    return bytes.toByteArray();
  }

  /** Numbers of fields with their values; not names, which may change. */
  private static List<String> values(String path, Message message) {
    List<String> all = new ArrayList<>();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      String at = path + field.getNumber();
      if (field.isRepeated()) {
        for (int i = 0; i < message.getRepeatedFieldCount(field); i++) {
          add(all, at + "[" + i + "]", message.getRepeatedField(field, i));
        }
      } else if (message.hasField(field)) {
        add(all, at, message.getField(field));
      }
    }
    return all;
  }

  private static void add(List<String> all, String at, Object value) {
    switch (value) {
      case Message message -> all.addAll(values(at + ".", message));
      case ByteString bytes -> all.add(at + " = " + HEX.formatHex(bytes.toByteArray()));
      case EnumValueDescriptor one -> all.add(at + " = enum " + one.getNumber());
      default -> all.add(at + " = " + value);
    }
  }

  private static boolean nothingUnknown(Message message) {
    return message.getUnknownFields().asMap().isEmpty()
        && message.getAllFields().entrySet().stream()
            .filter(e -> e.getKey().getJavaType() == FieldDescriptor.JavaType.MESSAGE)
            .flatMap(
                e -> e.getValue() instanceof List<?> many ? many.stream() : Stream.of(e.getValue()))
            .allMatch(one -> nothingUnknown((Message) one));
  }
}

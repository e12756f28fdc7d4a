package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What both of OTLP's signals share: a line of JSON is one export request, with up to so many
 * records in it, as OpenTelemetry's file exporter writes and its collector's otlpjsonfile receiver
 * reads. Numbers of 64 bits are texts, ids are hexadecimal.
 */
abstract class OtlpFormat implements Format {
  private static final int RECORDS_MAX = 512;

  private final PrintStream out;
  private final String node;
  private final String version;
  private final String scopes;
  private final String records;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();
  private final List<Object> pending = new ArrayList<>();

  /**
   * A format of one signal.
   *
   * @param signal {@code Logs} or {@code Spans}
   * @param records {@code logRecords} or {@code spans}
   */
  OtlpFormat(PrintStream out, String node, String version, String signal, String records) {
    this.out = out;
    this.node = node;
    this.version = version;
    this.scopes = signal;
    this.records = records;
  }

  final void write(Map<String, Object> record) {
    pending.add(record);
    if (pending.size() >= RECORDS_MAX) {
      flush();
    }
  }

  final void flush() {
    if (pending.isEmpty()) {
      return;
    }
    Map<String, Object> scope = new LinkedHashMap<>();
    scope.put("scope", pair("name", "dev.retainerd.rewind", "version", version));
    scope.put(records, pending);
    Map<String, Object> resource = new LinkedHashMap<>();
    resource.put(
        "resource",
        Map.of(
            "attributes",
            List.of(text("service.name", "retainerd"), text("service.instance.id", node))));
    resource.put("scope" + scopes, List.of(scope));
    out.println(gson.toJson(Map.of("resource" + scopes, List.of(resource))));
    pending.clear();
  }

  @Override
  public void end() {
    flush();
  }

  /** In this order, always: the same history is to give the same bytes in every run. */
  static Map<String, Object> pair(String first, Object one, String second, Object two) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put(first, one);
    object.put(second, two);
    return object;
  }

  static Map<String, Object> text(String key, String value) {
    return pair("key", key, "value", Map.of("stringValue", value));
  }

  static Map<String, Object> number(String key, long value) {
    return pair("key", key, "value", Map.of("intValue", Long.toString(value)));
  }

  /** What an event says of itself beside its words. */
  static List<Object> attributes(Told told) {
    List<Object> attributes = new ArrayList<>();
    attributes.add(number("retainerd.sequence", told.sequence()));
    attributes.add(text("retainerd.subject", told.envelope().subject()));
    attributes.add(text("retainerd.namespace", told.envelope().namespace()));
    attributes.add(text("retainerd.actor", told.by()));
    if (!told.envelope().requestId().isEmpty()) {
      attributes.add(text("retainerd.request", told.envelope().requestId()));
    }
    if (told.envelope().causedBySequence() > 0) {
      attributes.add(number("retainerd.cause", told.envelope().causedBySequence()));
    }
    return attributes;
  }

  /** A trace is the life of one thing: a pod with its containers, or something by itself. */
  static String traceId(String owner) {
    return HexFormat.of().formatHex(sha256("trace " + owner), 0, 16);
  }

  static String spanId(String name) {
    return HexFormat.of().formatHex(sha256("span " + name), 0, 8);
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }

  static String nanos(long value) {
    return Long.toString(Math.max(0, value));
  }
}

package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.util.JsonFormat;
import io.cloudevents.CloudEvent;
import io.cloudevents.SpecVersion;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.logs.v1.LogRecord;
import io.opentelemetry.proto.trace.v1.Span;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is exported, read by the formats' own libraries. */
class ExportFormatsTest {
  @TempDir Path folder;
  private Path log;
  private long events;

  @BeforeEach
  void aDay() {
    log = folder.resolve("log");
    NodeStory.aDay(log);
    events = Rewind.run("verify", log, "--json").json().get("events").getAsLong();
  }

  private String export(String format) {
    return Rewind.run("export", log, "--format", format).expect(0).text();
  }

  @Test
  void cloudEventsAreReadByTheirSdk() {
    Set<String> ids = new HashSet<>();
    for (String line : export("cloudevents").lines().toList()) {
      CloudEvent event =
          new io.cloudevents.jackson.JsonFormat()
              .deserialize(line.getBytes(StandardCharsets.UTF_8));
      assertEquals(SpecVersion.V1, event.getSpecVersion());
      assertTrue(ids.add(event.getSource() + " " + event.getId()), "source and id are unique");
      assertTrue(event.getType().startsWith("dev.retainerd."));
      assertEquals("application/json", event.getDataContentType());
      assertTrue(event.getTime() != null && event.getData() != null);
      assertTrue(event.getExtensionNames().contains("sequence"));
    }
    assertEquals(events, ids.size());
  }

  /** OTLP's JSON writes ids in hexadecimal where protobuf's would be base64. */
  private static String asProtobufJson(String line, Set<String> traces) {
    JsonElement tree = JsonParser.parseString(line);
    visit(tree, traces);
    return tree.toString();
  }

  private static void visit(JsonElement element, Set<String> traces) {
    if (element instanceof JsonArray array) {
      array.forEach(one -> visit(one, traces));
    } else if (element instanceof JsonObject object) {
      for (String id : List.of("traceId", "spanId", "parentSpanId")) {
        if (object.has(id)) {
          String hex = object.get(id).getAsString();
          assertTrue(hex.matches(id.equals("traceId") ? "[0-9a-f]{32}" : "[0-9a-f]{16}"), hex);
          assertFalse(hex.matches("0+"), "an id of zeros is none");
          object.remove(id);
        }
      }
      object.entrySet().forEach(entry -> visit(entry.getValue(), traces));
    }
  }

  @Test
  void otlpLogsAreReadByItsProtocol() throws IOException {
    List<LogRecord> records = new ArrayList<>();
    for (String line : export("otlp-logs").lines().toList()) {
      ExportLogsServiceRequest.Builder request = ExportLogsServiceRequest.newBuilder();
      JsonFormat.parser().merge(asProtobufJson(line, Set.of()), request);
      request
          .getResourceLogsList()
          .forEach(r -> r.getScopeLogsList().forEach(s -> records.addAll(s.getLogRecordsList())));
    }
    assertEquals(events, records.size());
    assertTrue(records.stream().allMatch(r -> r.getTimeUnixNano() >= NodeStory.BEGIN_NANOS));
    assertTrue(
        records.stream()
            .anyMatch(
                r ->
                    r.getBody().getStringValue().contains("greedy")
                        && r.getSeverityNumberValue() == 13));
  }

  /** Java shuffles small maps anew in each process: then evidence would differ from run to run. */
  @Test
  void otlpHasItsFieldsInOneOrderInEveryProcess() throws IOException {
    for (String format : List.of("otlp-logs", "otlp-spans")) {
      String text = export(format);
      assertTrue(text.contains("{\"key\":\"service.name\",\"value\":"), text);
      assertFalse(text.contains("},\"key\":"), text);
      assertFalse(text.contains(",\"code\":"), text);
    }
  }

  @Test
  void otlpSpansAreReadByItsProtocol() throws IOException {
    List<Span> spans = new ArrayList<>();
    for (String line : export("otlp-spans").lines().toList()) {
      ExportTraceServiceRequest.Builder request = ExportTraceServiceRequest.newBuilder();
      JsonFormat.parser().merge(asProtobufJson(line, Set.of()), request);
      request
          .getResourceSpansList()
          .forEach(r -> r.getScopeSpansList().forEach(s -> spans.addAll(s.getSpansList())));
    }
    assertTrue(spans.size() > 10, spans::toString);
    for (Span span : spans) {
      assertTrue(span.getEndTimeUnixNano() >= span.getStartTimeUnixNano(), span.getName());
      assertFalse(span.getName().isEmpty());
    }
    assertTrue(
        spans.stream()
            .anyMatch(
                s ->
                    s.getName().equals("remove container")
                        && s.getAttributesList().stream()
                            .anyMatch(a -> a.getKey().equals("retainerd.open"))));
    assertTrue(
        spans.stream()
            .anyMatch(s -> s.getName().equals("run task") && s.getStatus().getCodeValue() == 2));
  }

  @Test
  void csvIsReadByACsvParser() throws IOException {
    List<CSVRecord> records =
        CSVFormat.RFC4180
            .builder()
            .setHeader()
            .setSkipHeaderRecord(true)
            .get()
            .parse(new StringReader(export("csv")))
            .getRecords();
    assertEquals(events, records.size());
    for (CSVRecord record : records) {
      assertEquals(12, record.size());
      OffsetDateTime.parse(record.get("time"));
      assertFalse(record.get("text").isEmpty());
    }
  }

  @Test
  void jsonLinesAreWhatLogPrints() {
    assertEquals(Rewind.run("log", log, "--json").text(), export("jsonl"));
  }
}

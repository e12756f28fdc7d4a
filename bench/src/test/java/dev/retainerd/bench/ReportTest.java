package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.bench.measure.Curve;
import dev.retainerd.bench.measure.FaultResult;
import dev.retainerd.bench.measure.Measurement;
import dev.retainerd.bench.measure.Metric;
import dev.retainerd.bench.measure.RunResult;
import dev.retainerd.bench.measure.Samples;
import dev.retainerd.bench.measure.StageResult;
import dev.retainerd.bench.measure.Unit;
import dev.retainerd.bench.report.HtmlReport;
import dev.retainerd.bench.report.JmhResults;
import dev.retainerd.bench.report.JsonReport;
import dev.retainerd.bench.report.MarkdownReport;
import dev.retainerd.bench.report.TableReport;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportTest {
  private static final RunResult RUN =
      new RunResult(
          "2026-01-02T03:04:05Z",
          12.5,
          Map.of("kernel", "6.18 <odd & 'quoted'>"),
          Map.of("ours", "ours 1"),
          Map.of("rounds", "5"),
          List.of(
              new StageResult(
                  "pods",
                  "life of a pod",
                  List.of(
                      measurement("ours", false, 1, 2, 3, 4, 5, 6),
                      measurement("peer", false, 4, 5, 6, 7, 8, 9),
                      measurement("floor", true, 1, 1, 1, 1, 1, 1)))),
          List.of(
              new FaultResult(
                  "kill-shim", "kill -9", "peer", 12, 900, List.of("3 lines missing"), List.of())));

  private static Measurement measurement(String name, boolean floor, double... values) {
    return new Measurement(
        name,
        floor,
        Map.of(Metric.millis("total"), new Samples(values)),
        floor
            ? List.of()
            : List.of(
                new Curve(
                    "memory", "pods", "MB", List.of(new double[] {0, 1}, new double[] {9, 5}))));
  }

  @Test
  void whatIsWrittenAsJsonReadsBackTheSame() {
    String json = JsonReport.write(RUN);
    assertEquals(json, JsonReport.write(JsonReport.read(json)));
    assertTrue(json.contains("\"schema\":\"" + JsonReport.SCHEMA + "\""), json);
  }

  @Test
  void anotherJsonIsRefusedInASentence() {
    for (String text : List.of("{}", "[1]", "null", "not json", "{\"schema\":\"other/9\"}")) {
      assertThrows(IllegalArgumentException.class, () -> JsonReport.read(text), text);
    }
  }

  @Test
  void theTableHasEveryQuantileAndTheRatioWithItsInterval() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    TableReport.print(
        new PrintStream(bytes, true, StandardCharsets.UTF_8), RUN.stages().getFirst());
    String table = bytes.toString(StandardCharsets.UTF_8);
    assertTrue(table.contains("3.50"), table);
    assertTrue(table.contains("5.50"), table);
    assertTrue(table.matches("(?s).*0\\.54  +0\\.\\d\\d-\\d\\.\\d\\d.*"), table);
  }

  @Test
  void markdownNamesWhatWasLost() {
    String markdown = MarkdownReport.write(RUN);
    assertTrue(markdown.contains("| total, ms | 3.50 ("), markdown);
    assertTrue(markdown.contains("3 lines missing"), markdown);
  }

  @Test
  void whatJmhMeasuredIsShownInOurUnits() {
    StageResult parts =
        JmhResults.read(
            """
            [{"benchmark": "a.b.Fold.events", "params": {"n": "10"},
              "primaryMetric": {"scoreUnit": "ops/ms", "rawData": [[2.0, 4.0], [3.0]]}},
             {"benchmark": "a.b.Log.append",
              "primaryMetric": {"scoreUnit": "us/op", "rawData": [[250.0]]}}]
            """);
    Map<Metric, Samples> samples = parts.measurements().getFirst().samples();
    assertEquals(
        3000, samples.get(new Metric("Fold.events {\"n\":\"10\"}", Unit.PER_SECOND)).median());
    assertEquals(0.25, samples.get(Metric.millis("Log.append")).median(), 1e-9);
    assertThrows(IllegalArgumentException.class, () -> JmhResults.read("{}"));
    assertThrows(IllegalArgumentException.class, () -> JmhResults.read("[]"));
  }

  @Test
  void thePageIsWellFormedAsksForNothingAndEscapesWhatItShows() throws Exception {
    String page = HtmlReport.write(RUN);
    assertFalse(page.contains("http://") || page.contains("https://"), "it must ask for nothing");
    assertFalse(page.contains("<odd"), page);
    String body = page.substring(page.indexOf("<body>"), page.indexOf("</html>"));
    javax.xml.parsers.DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new org.xml.sax.InputSource(new StringReader(body)));
    assertTrue(page.contains("<svg"), page);
  }
}

package dev.retainerd.replay.export;

import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** OTLP/JSON logs: an event is a log record, in the trace of what it is about. */
public final class OtlpLogsFormat extends OtlpFormat {
  private static final int INFO = 9;
  private static final int WARN = 13;
  private static final int ERROR = 17;

  private final Owners owners = new Owners();

  public OtlpLogsFormat(PrintStream out, String node, String version) {
    super(out, node, version, "Logs", "logRecords");
  }

  @Override
  public void add(Told told) {
    owners.learn(told);
    int severity = severity(told);
    Map<String, Object> record = new LinkedHashMap<>();
    record.put("timeUnixNano", nanos(told.envelope().wallNanos()));
    record.put("observedTimeUnixNano", nanos(told.envelope().wallNanos()));
    record.put("severityNumber", severity);
    record.put("severityText", severity == ERROR ? "ERROR" : severity == WARN ? "WARN" : "INFO");
    record.put("eventName", "retainerd." + told.type().title());
    record.put("body", Map.of("stringValue", told.sentence()));
    record.put("attributes", attributes(told));
    record.put("traceId", traceId(owners.of(told)));
    write(record);
  }

  private static int severity(Told told) {
    if (Step.of(told.type()).role() == Step.Role.FAILS) {
      return ERROR;
    }
    return switch (told.type()) {
      case TASK_OOM, SHIM_LOST, SHIM_UNREACHABLE, DAMAGE_FOUND, LEFTOVER_REMOVED -> WARN;
      default -> INFO;
    };
  }
}

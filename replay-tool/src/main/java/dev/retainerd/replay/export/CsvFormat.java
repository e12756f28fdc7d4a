package dev.retainerd.replay.export;

import dev.retainerd.store.words.Told;
import java.io.PrintStream;

/** Comma-separated values after RFC 4180, with a header. */
public final class CsvFormat implements Format {
  private final PrintStream out;

  public CsvFormat(PrintStream out) {
    this.out = out;
  }

  @Override
  public void begin() {
    out.print(
        "sequence,time,namespace,subject,type,actor,pid,uid,executable,request,cause,text\r\n");
  }

  @Override
  public void add(Told told) {
    var e = told.envelope();
    out.print(
        String.join(
                ",",
                Long.toString(e.sequence()),
                told.time().toString(),
                cell(e.namespace()),
                cell(e.subject()),
                told.type().title(),
                e.actor().kind().name(),
                Integer.toString(e.actor().pid()),
                Integer.toString(e.actor().uid()),
                cell(e.actor().executable()),
                cell(e.requestId()),
                Long.toString(e.causedBySequence()),
                cell(told.sentence()))
            + "\r\n");
  }

  /** Quoted where it must be; a leading sign that a spreadsheet would compute with is defused. */
  static String cell(String text) {
    String safe = !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
    return safe.matches("[^\",\\r\\n]*") ? safe : "\"" + safe.replace("\"", "\"\"") + "\"";
  }
}

package dev.retainerd.replay.export;

import com.google.gson.Gson;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.replay.evidence.StretchCheck;
import dev.retainerd.replay.history.EventSource;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.Step;
import dev.retainerd.store.words.Told;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One file without network: an interactive timeline of the node. The page's code stands in
 * timeline.html beside this class; this writes the data into its middle, as it comes.
 */
public final class HtmlFormat implements Format {
  private static final String DATA = "/*DATA*/";

  private final PrintStream out;
  private final String node;
  private final EventSource log;
  private final StretchCheck checked;
  private final boolean whole;
  private final Optional<NodeState> before;

  /** Writes '<' so that no text of an event can end the script. */
  private final Gson gson = new Gson();

  private String rest = "";
  private boolean first = true;

  /**
   * A page.
   *
   * @param checked what stands on its top
   * @param whole whether that is of the whole history
   * @param before the state before its first event; empty where that is not known
   */
  public HtmlFormat(
      PrintStream out,
      String node,
      EventSource log,
      StretchCheck checked,
      boolean whole,
      Optional<NodeState> before) {
    this.before = before;
    this.out = out;
    this.node = node;
    this.log = log;
    this.checked = checked;
    this.whole = whole;
  }

  @Override
  public void begin() {
    String page = page();
    int at = page.indexOf(DATA);
    rest = page.substring(at + DATA.length());
    out.print(page.substring(0, at));
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("node", node);
    about.put("folder", log.name());
    about.put("first", checked.first());
    about.put("lastGood", checked.lastGood());
    about.put("bad", checked.bad());
    about.put("signed", checked.signed().orElse(""));
    about.put("all", whole);
    about.put("knowsBefore", before.isPresent());
    out.print("const ABOUT=" + gson.toJson(about) + ";\nconst BEFORE=[");
    String comma = "\n";
    for (List<Object> row : before.map(PageStart::rows).orElse(List.of())) {
      out.print(comma + gson.toJson(row));
      comma = ",\n";
    }
    out.print("\n];\nconst EVENTS=[");
  }

  private static String page() {
    try (InputStream in = HtmlFormat.class.getResourceAsStream("timeline.html")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void add(Told told) {
    Step step = Step.of(told.type());
    List<Object> row = new ArrayList<>();
    row.add(told.sequence());
    row.add(told.envelope().wallNanos() / 1_000);
    row.add(told.envelope().namespace());
    row.add(told.envelope().subject());
    row.add(told.type().title());
    row.add(told.sentence());
    row.add(told.by());
    row.add(step.role().ordinal());
    row.add(step.operation());
    row.add(pod(told.event()));
    row.add(status(told.event()));
    row.add(told.envelope().causedBySequence());
    row.add(told.envelope().actor().kind() == Actor.Kind.CLIENT ? 1 : 0);
    out.print((first ? "\n" : ",\n") + gson.toJson(row));
    first = false;
  }

  /** The pod a container belongs to, or a pod's name; "" where the event says neither. */
  private static String pod(Event event) {
    return switch (event) {
      case Event.ContainerCreating e -> pod(e.payload().getContainer());
      case Event.ContainerCreated e -> pod(e.payload().getContainer());
      case Event.SandboxCreating e ->
          e.payload().getSandbox().getPodNamespace() + "/" + e.payload().getSandbox().getName();
      default -> "";
    };
  }

  private static String pod(ContainerRecord container) {
    return container.getCri().getSandboxId() + " " + container.getCri().getName();
  }

  private static int status(Event event) {
    return switch (event) {
      case Event.TaskExited e -> e.payload().getStatus();
      case Event.ExecExited e -> e.payload().getStatus();
      default -> -1;
    };
  }

  @Override
  public void end() {
    out.print("\n];\n");
    out.print(rest);
  }
}

package dev.retainerd.replay.verb;

import com.google.protobuf.Message;
import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.store.words.Told;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/** An event as the object that every JSON output of rewind shows. */
public final class EventJson {
  private final PayloadJson payloads;

  public EventJson(boolean showSecrets) {
    this.payloads = new PayloadJson(showSecrets);
  }

  /** The whole event. */
  public Map<String, Object> tree(Told told) {
    Envelope e = told.envelope();
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("sequence", e.sequence());
    tree.put("time", told.time().toString());
    tree.put("wallNanos", e.wallNanos());
    tree.put("monotonicNanos", e.monotonicNanos());
    tree.put("bootId", e.bootId());
    tree.put("namespace", e.namespace());
    tree.put("subject", e.subject());
    tree.put("type", told.type().title());
    tree.put("typeNumber", e.type());
    tree.put("schemaVersion", e.schemaVersion());
    tree.put("sentence", told.sentence());
    Actor actor = e.actor();
    Map<String, Object> by = new LinkedHashMap<>();
    by.put("kind", actor.kind().name());
    by.put("pid", actor.pid());
    by.put("uid", actor.uid());
    by.put("gid", actor.gid());
    by.put("executable", actor.executable());
    tree.put("actor", by);
    tree.put("requestId", e.requestId());
    tree.put("causedBy", e.causedBySequence());
    tree.put("redacted", e.secrets().redacted());
    tree.put("hash", HexFormat.of().formatHex(e.hash()));
    tree.put("payload", payloads.tree((Message) told.event().payload()));
    return tree;
  }
}

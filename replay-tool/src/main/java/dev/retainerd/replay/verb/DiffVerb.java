package dev.retainerd.replay.verb;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.LookFailure;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.store.state.Delta;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.store.words.Phrases;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code rewind diff}: what changed between two points. */
@Command(name = "diff", description = "what changed between two points, and by which event")
public final class DiffVerb extends IndexedVerb {
  @Parameters(index = "1", paramLabel = "A", description = "sequence or time")
  String a;

  @Parameters(index = "2", paramLabel = "B", description = "sequence or time")
  String b;

  private final List<Map<String, Object>> changes = new ArrayList<>();

  /** The events that took away what was there before; no more than there was. */
  private final Map<String, Long> removed = new HashMap<>();

  @Override
  protected int look(History history) {
    Replay replay = new Replay(Verb::note).fromSnapshots();
    replay.upTo(history, point(a));
    long first = replay.last().orElseThrow().sequence();
    Map<Kind<?>, Map<String, Message>> before = copy(replay.state());
    replay.watch(
        (sequence, deltas) -> {
          for (Delta<?> delta : deltas) {
            if (delta.entry().isEmpty()) {
              gone(before, delta.key(), sequence);
            }
          }
        });
    replay.upTo(history, point(b));
    long second = replay.last().orElseThrow().sequence();
    if (!point(b).covers(replay.last().orElseThrow())) {
      throw new LookFailure(b + " lies before " + a + ": give the earlier point first");
    }
    for (Kind<?> kind : Kind.ALL) {
      compare(kind, before.get(kind), copy(replay.state(), kind));
    }
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("from", first);
      tree.put("to", second);
      tree.put("changes", changes);
      printJson(tree);
    } else {
      println(changes.size() + " changes from event " + first + " to event " + second);
    }
    return HOLDS;
  }

  private void gone(Map<Kind<?>, Map<String, Message>> before, Key<?> key, long sequence) {
    if (before.get(key.kind()).containsKey(name(key))) {
      removed.put(key.kind().title() + " " + name(key), sequence);
    }
  }

  private static Map<Kind<?>, Map<String, Message>> copy(NodeState state) {
    Map<Kind<?>, Map<String, Message>> copy = new LinkedHashMap<>();
    Kind.ALL.forEach(kind -> copy.put(kind, copy(state, kind)));
    return copy;
  }

  /** Entries are immutable: this copies references only. */
  private static <T extends Message> Map<String, Message> copy(NodeState state, Kind<T> kind) {
    Map<String, Message> copy = new TreeMap<>();
    state.forEach(kind, (Key<T> key, T entry) -> copy.put(name(key), entry));
    return copy;
  }

  private static String name(Key<?> key) {
    return (key.namespace().isEmpty() ? "" : key.namespace() + " ") + Phrases.shortId(key.id());
  }

  private void compare(Kind<?> kind, Map<String, Message> before, Map<String, Message> after) {
    TreeMap<String, Message> all = new TreeMap<>(before);
    all.putAll(after);
    for (String name : all.keySet()) {
      Message was = before.get(name);
      Message is = after.get(name);
      if (was == null) {
        tell(kind, name, "is new" + phase(is), StateTables.changed(is));
      } else if (is == null) {
        tell(
            kind,
            name,
            "is gone" + phase(was).replace(":", ", it was"),
            removed.getOrDefault(kind.title() + " " + name, 0L));
      } else if (!was.equals(is)) {
        tell(kind, name, words(was, is), StateTables.changed(is));
      }
    }
  }

  private void tell(Kind<?> kind, String name, String what, long sequence) {
    Map<String, Object> change = new LinkedHashMap<>();
    change.put("kind", kind.title());
    change.put("name", name);
    change.put("change", what);
    change.put("event", sequence);
    changes.add(change);
    if (!json) {
      println(
          kind.title() + " " + name + " " + what + (sequence == 0 ? "" : "  by event " + sequence));
    }
  }

  private static String phase(Message entry) {
    FieldDescriptor field = entry.getDescriptorForType().findFieldByName("phase");
    return field == null ? "" : ": " + bare(entry.getField(field));
  }

  private static String bare(Object phase) {
    String name = phase.toString();
    int at = name.indexOf("_PHASE_");
    return at < 0 ? name : name.substring(at + "_PHASE_".length());
  }

  private String words(Message was, Message is) {
    List<String> parts = new ArrayList<>();
    PayloadJson values = new PayloadJson(showSecrets);
    Map<String, Object> old = values.tree(was);
    Map<String, Object> fresh = values.tree(is);
    for (FieldDescriptor field : is.getDescriptorForType().getFields()) {
      Object before = was.getField(field);
      Object after = is.getField(field);
      if (before.equals(after) || field.getName().equals("provenance")) {
        continue;
      }
      if (field.getName().equals("phase")) {
        parts.addFirst(bare(before) + " -> " + bare(after));
      } else {
        parts.add(
            field.getName()
                + ": "
                + old.getOrDefault(field.getName(), "-")
                + " -> "
                + fresh.getOrDefault(field.getName(), "-"));
      }
    }
    return parts.isEmpty() ? "was touched" : String.join(", ", parts);
  }
}

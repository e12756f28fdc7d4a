package dev.retainerd.replay.verb;

import com.google.protobuf.Message;
import dev.retainerd.replay.history.History;
import dev.retainerd.replay.history.Point;
import dev.retainerd.replay.history.Replay;
import dev.retainerd.store.state.Key;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.store.words.Told;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code rewind state}: the node as it was. */
@Command(name = "state", description = "the node as it was at a sequence or time")
public final class StateVerb extends IndexedVerb {
  @Option(
      names = "--at",
      paramLabel = "SEQ|TIME",
      description = "812, 2026-11-23T22:00:00Z, 10m (ago), end (default)")
  String at = "end";

  @Option(
      names = "--no-snapshots",
      description = "fold from the first event on, also where a snapshot of the state is nearer")
  boolean noSnapshots;

  @Option(names = "--spec", description = "with --json: specs of containers as well")
  boolean spec;

  @Override
  protected int look(History history) {
    Point point = point(at);
    Replay replay = new Replay(Verb::note);
    if (!noSnapshots) {
      replay.fromSnapshots();
    }
    replay.upTo(history, point);
    Told last = replay.last().orElseThrow();
    if (replay.behindTheEnd(point)) {
      note(point.words() + " lies behind the log's end: this is the state at its last event");
    }
    if (json) {
      printJson(tree(replay.state(), last));
    } else {
      println("state after event " + last.sequence() + " of " + time(last.time()));
      new StateTables(replay.state(), last.time()).print(out());
    }
    return HOLDS;
  }

  private Map<String, Object> tree(NodeState state, Told last) {
    PayloadJson entries = new PayloadJson(showSecrets);
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("sequence", last.sequence());
    tree.put("time", last.time().toString());
    for (Kind<?> kind : Kind.ALL) {
      if (kind != Kind.SPEC || spec) {
        tree.put(kind.title(), list(state, kind, entries));
      }
    }
    return tree;
  }

  private static <T extends Message> List<Object> list(
      NodeState state, Kind<T> kind, PayloadJson entries) {
    List<Object> list = new ArrayList<>();
    state.forEach(
        kind,
        (Key<T> key, T entry) -> {
          Map<String, Object> one = new LinkedHashMap<>();
          one.put("namespace", key.namespace());
          one.put("key", key.id());
          one.putAll(entries.tree(entry));
          list.add(one);
        });
    return list;
  }
}

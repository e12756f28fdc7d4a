package dev.retainerd.replay.verb;

import dev.retainerd.replay.history.History;
import dev.retainerd.store.words.Explanation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code rewind explain}: why a thing is as it is. */
@Command(name = "explain", description = "say why a container, pod or image is as it is")
public final class ExplainVerb extends IndexedVerb {
  @Parameters(
      index = "1",
      paramLabel = "ID",
      description = "an id, or its beginning; or a process id")
  String id;

  @Override
  protected int look(History history) {
    String whole = history.find(id);
    Explanation explanation = new Explanation(whole);
    history.life(whole, explanation::add);
    List<String> lines = explanation.lines();
    if (json) {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("id", whole);
      tree.put("verdict", lines.getFirst());
      tree.put("reasons", lines.subList(1, lines.size()));
      printJson(tree);
    } else {
      lines.forEach(this::println);
    }
    return HOLDS;
  }
}

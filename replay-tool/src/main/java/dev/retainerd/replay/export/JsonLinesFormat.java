package dev.retainerd.replay.export;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.retainerd.store.words.Told;
import java.io.PrintStream;
import java.util.Map;
import java.util.function.Function;

/** JSON Lines: one event a line. */
public final class JsonLinesFormat implements Format {
  private final PrintStream out;
  private final Function<Told, Map<String, Object>> trees;
  private final Gson gson = new GsonBuilder().disableHtmlEscaping().create();

  public JsonLinesFormat(PrintStream out, Function<Told, Map<String, Object>> trees) {
    this.out = out;
    this.trees = trees;
  }

  @Override
  public void add(Told told) {
    out.println(gson.toJson(trees.apply(told)));
  }
}

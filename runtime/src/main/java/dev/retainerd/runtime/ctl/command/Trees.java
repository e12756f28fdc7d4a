package dev.retainerd.runtime.ctl.command;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Trees for JSON output, and the loop over several named things. */
public final class Trees {

  private Trees() {}

  /** An object of strings, sorted by key. */
  public static JsonObject of(Map<String, String> strings) {
    JsonObject tree = new JsonObject();
    new TreeMap<>(strings).forEach(tree::addProperty);
    return tree;
  }

  public static JsonArray of(List<String> strings) {
    JsonArray tree = new JsonArray();
    strings.forEach(tree::add);
    return tree;
  }

  /** What maps, lists, numbers, truths and strings make. */
  public static JsonElement ofObject(Object value) {
    return switch (value) {
      case null -> JsonNull.INSTANCE;
      case Map<?, ?> map -> {
        JsonObject tree = new JsonObject();
        map.forEach((key, inner) -> tree.add(String.valueOf(key), ofObject(inner)));
        yield tree;
      }
      case Iterable<?> list -> {
        JsonArray tree = new JsonArray();
        list.forEach(inner -> tree.add(ofObject(inner)));
        yield tree;
      }
      case Number number -> new JsonPrimitive(number);
      case Boolean truth -> new JsonPrimitive(truth);
      default -> new JsonPrimitive(value.toString());
    };
  }

  /** A typed value: JSON inside is shown as JSON, anything else in base64. */
  public static JsonElement of(Any any) {
    try {
      return parse(any.getValue());
    } catch (JsonParseException notJson) {
      JsonObject tree = new JsonObject();
      tree.addProperty("type_url", any.getTypeUrl());
      tree.addProperty("value", Base64.getEncoder().encodeToString(any.getValue().toByteArray()));
      return tree;
    }
  }

  /**
   * The JSON object in these bytes.
   *
   * @throws JsonParseException where they hold none
   */
  public static JsonObject parse(ByteString bytes) {
    JsonElement tree = JsonParser.parseString(bytes.toStringUtf8());
    if (!tree.isJsonObject()) {
      throw new JsonParseException("this is no JSON object");
    }
    return tree.getAsJsonObject();
  }

  /** Does {@code one} for each name; what fails is told, the rest goes on. */
  public static int each(Session session, List<String> names, Consumer<String> one) {
    int code = 0;
    for (String name : names) {
      try {
        one.accept(name);
      } catch (RuntimeException e) {
        System.err.println("retainctl: " + name + ": " + Sentences.of(e, session.socket()));
        code = CommandFailure.FAILED;
      }
    }
    return code;
  }
}

package dev.retainerd.runtime.network;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Strict reading of JSON objects, with absent and wrongly typed members told apart from present.
 */
final class Json {
  private static final Pattern PLACE = Pattern.compile("line \\d+ column \\d+");

  private Json() {}

  /**
   * Parses exactly one object.
   *
   * @throws JsonParseException if it is anything else
   */
  static JsonObject object(byte[] bytes) {
    try {
      JsonReader reader =
          new JsonReader(new StringReader(new String(bytes, StandardCharsets.UTF_8)));
      reader.setStrictness(Strictness.STRICT);
      JsonElement element = JsonParser.parseReader(reader);
      if (!element.isJsonObject()) {
        throw new JsonParseException("is not an object");
      }
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new JsonParseException("has something behind the object");
      }
      return element.getAsJsonObject();
    } catch (IOException e) {
      throw new JsonParseException(place(e), e);
    } catch (JsonParseException e) {
      throw e.getCause() == null ? e : new JsonParseException(place(e), e);
    }
  }

  /** Gson advises programmers; a sentence for an operator needs only where the fault is. */
  private static String place(Exception e) {
    Matcher matcher = PLACE.matcher(String.valueOf(e.getMessage()));
    return "malformed" + (matcher.find() ? " at " + matcher.group() : "");
  }

  static Optional<String> text(JsonObject object, String name) {
    return object.get(name) instanceof JsonPrimitive value && value.isString()
        ? Optional.of(value.getAsString())
        : Optional.empty();
  }

  static boolean flag(JsonObject object, String name) {
    // Written as a string by some installers, which libcni accepts too.
    return object.get(name) instanceof JsonPrimitive value && value.getAsBoolean();
  }

  static int number(JsonObject object, String name, int otherwise) {
    return object.get(name) instanceof JsonPrimitive value && value.isNumber()
        ? value.getAsInt()
        : otherwise;
  }

  static List<JsonObject> objects(JsonObject object, String name) {
    List<JsonObject> found = new ArrayList<>();
    if (object.get(name) instanceof JsonArray array) {
      for (JsonElement element : array) {
        if (element.isJsonObject()) {
          found.add(element.getAsJsonObject());
        }
      }
    }
    return found;
  }

  static Optional<JsonObject> child(JsonObject object, String name) {
    return object.get(name) instanceof JsonObject child ? Optional.of(child) : Optional.empty();
  }

  static JsonArray array(List<String> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }
}

package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.Collection;

/** Short ways to make and reach into trees of JSON. */
final class JsonTree {
  private JsonTree() {}

  /** An object of alternating names and values: strings, numbers, booleans, elements. */
  static JsonObject object(Object... namesAndValues) {
    JsonObject object = new JsonObject();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      object.add((String) namesAndValues[i], element(namesAndValues[i + 1]));
    }
    return object;
  }

  static JsonArray array(Collection<?> values) {
    JsonArray array = new JsonArray(values.size());
    values.forEach(value -> array.add(element(value)));
    return array;
  }

  private static JsonElement element(Object value) {
    return switch (value) {
      case JsonElement element -> element;
      case String text -> new JsonPrimitive(text);
      case Number number -> new JsonPrimitive(number);
      case Boolean flag -> new JsonPrimitive(flag);
      case Collection<?> values -> array(values);
      default -> throw new IllegalArgumentException("no JSON: " + value.getClass());
    };
  }

  /** The object of this name, made if it is not there. */
  static JsonObject child(JsonObject parent, String name) {
    if (!(parent.get(name) instanceof JsonObject)) {
      parent.add(name, new JsonObject());
    }
    return parent.getAsJsonObject(name);
  }

  /** The array of this name, made if it is not there. */
  static JsonArray children(JsonObject parent, String name) {
    if (!(parent.get(name) instanceof JsonArray)) {
      parent.add(name, new JsonArray());
    }
    return parent.getAsJsonArray(name);
  }
}

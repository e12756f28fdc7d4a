package dev.retainerd.runtime.image;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads the JSON documents of images. What is missing reads as empty; what is of the wrong kind is
 * refused with invalid argument and names the field.
 */
final class ImageJson {
  /** What the OCI specification asks registries to take at least; larger ones are not images. */
  static final int DOCUMENT_BYTES_MAX = 4 << 20;

  private ImageJson() {}

  /** The document as an object. */
  static JsonObject parse(byte[] bytes, String what) {
    try {
      JsonElement element = JsonParser.parseString(new String(bytes, StandardCharsets.UTF_8));
      if (element.isJsonObject()) {
        return element.getAsJsonObject();
      }
    } catch (JsonParseException e) {
      throw Refusal.invalidArgument(what + " is no valid JSON: " + firstLine(e)).because(e);
    } catch (StackOverflowError e) {
      throw Refusal.invalidArgument(what + " is nested too deep").because(e);
    }
    throw Refusal.invalidArgument(what + " is not a JSON object");
  }

  private static String firstLine(JsonParseException e) {
    String message = String.valueOf(e.getMessage());
    int end = message.indexOf('\n');
    return end < 0 ? message : message.substring(0, end);
  }

  static String text(JsonObject json, String name) {
    JsonElement value = json.get(name);
    if (value == null || value.isJsonNull()) {
      return "";
    }
    if (!value.isJsonPrimitive()) {
      throw wrong(name, "text");
    }
    return value.getAsString();
  }

  static long number(JsonObject json, String name) {
    JsonElement value = json.get(name);
    if (value == null || value.isJsonNull()) {
      return 0;
    }
    try {
      if (value.isJsonPrimitive()) {
        return value.getAsLong();
      }
    } catch (NumberFormatException e) {
      throw wrong(name, "a number").because(e);
    }
    throw wrong(name, "a number");
  }

  static JsonObject object(JsonObject json, String name) {
    JsonElement value = json.get(name);
    if (value == null || value.isJsonNull()) {
      return new JsonObject();
    }
    if (!value.isJsonObject()) {
      throw wrong(name, "an object");
    }
    return value.getAsJsonObject();
  }

  static JsonArray array(JsonObject json, String name) {
    JsonElement value = json.get(name);
    if (value == null || value.isJsonNull()) {
      return new JsonArray();
    }
    if (!value.isJsonArray()) {
      throw wrong(name, "a list");
    }
    return value.getAsJsonArray();
  }

  static List<JsonObject> objects(JsonObject json, String name) {
    List<JsonObject> found = new ArrayList<>();
    for (JsonElement element : array(json, name)) {
      if (!element.isJsonObject()) {
        throw wrong(name, "a list of objects");
      }
      found.add(element.getAsJsonObject());
    }
    return found;
  }

  static List<String> texts(JsonObject json, String name) {
    List<String> found = new ArrayList<>();
    for (JsonElement element : array(json, name)) {
      if (!element.isJsonPrimitive()) {
        throw wrong(name, "a list of texts");
      }
      found.add(element.getAsString());
    }
    return found;
  }

  static Map<String, String> map(JsonObject json, String name) {
    Map<String, String> found = new TreeMap<>();
    for (Map.Entry<String, JsonElement> entry : object(json, name).entrySet()) {
      if (!entry.getValue().isJsonPrimitive()) {
        throw wrong(name, "texts by name");
      }
      found.put(entry.getKey(), entry.getValue().getAsString());
    }
    return found;
  }

  /** An OCI descriptor; its digest must be one. */
  static Descriptor descriptor(JsonObject json) {
    String digest = text(json, "digest");
    Digest.parse(digest);
    long size = number(json, "size");
    if (size < 0) {
      throw Refusal.invalidArgument("the descriptor of " + digest + " has a negative size");
    }
    return Descriptor.newBuilder()
        .setMediaType(text(json, "mediaType"))
        .setDigest(digest)
        .setSize(size)
        .putAllAnnotations(map(json, "annotations"))
        .build();
  }

  private static Refusal wrong(String name, String kind) {
    return Refusal.invalidArgument("the field \"" + name + "\" is not " + kind);
  }
}

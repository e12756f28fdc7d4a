package dev.retainerd.runtime.cri;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.MapEntry;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.proto.NetworkAttachment;
import java.util.Base64;
import java.util.List;

/**
 * Messages and CNI results in the JSON that containerd's verbose answers have, which Go's own
 * encoder makes of its structs: field names as in the proto, enums and 64-bit numbers as numbers.
 * Clients decode it into the same structs. Pure.
 */
final class GoJson {
  private GoJson() {}

  static JsonObject of(Message message) {
    JsonObject object = new JsonObject();
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              if (field.isMapField()) {
                object.add(field.getName(), map((List<?>) value));
              } else if (field.isRepeated()) {
                JsonArray array = new JsonArray();
                ((List<?>) value).forEach(one -> array.add(single(field, one)));
                object.add(field.getName(), array);
              } else {
                object.add(field.getName(), single(field, value));
              }
            });
    return object;
  }

  private static JsonObject map(List<?> entries) {
    JsonObject object = new JsonObject();
    for (Object one : entries) {
      MapEntry<?, ?> entry = (MapEntry<?, ?>) one;
      FieldDescriptor valueField = entry.getDescriptorForType().findFieldByNumber(2);
      object.add(String.valueOf(entry.getKey()), single(valueField, entry.getValue()));
    }
    return object;
  }

  private static JsonElement single(FieldDescriptor field, Object value) {
    return switch (field.getJavaType()) {
      case MESSAGE -> of((Message) value);
      case ENUM -> new JsonPrimitive(((EnumValueDescriptor) value).getNumber());
      case BOOLEAN -> new JsonPrimitive((Boolean) value);
      case STRING -> new JsonPrimitive((String) value);
      case BYTE_STRING ->
          new JsonPrimitive(Base64.getEncoder().encodeToString(((ByteString) value).toByteArray()));
      case INT, LONG, FLOAT, DOUBLE -> new JsonPrimitive((Number) value);
    };
  }

  /** The result of the plugins as go-cni holds it: by interface, with addresses. */
  static JsonElement cniResult(NetworkAttachment attachment) {
    try {
      JsonElement parsed = JsonParser.parseString(attachment.getResult().toStringUtf8());
      return parsed.isJsonObject() ? byInterface(parsed.getAsJsonObject()) : JsonNull.INSTANCE;
    } catch (JsonParseException e) {
      // A plugin's result that once was read is read again; a foreign log may hold anything.
      return JsonNull.INSTANCE;
    }
  }

  private static JsonObject byInterface(JsonObject raw) {
    JsonArray links = array(raw, "interfaces");
    JsonObject interfaces = new JsonObject();
    for (JsonElement one : links) {
      JsonObject link = one.getAsJsonObject();
      JsonObject config = new JsonObject();
      config.add("IPConfigs", new JsonArray());
      config.add("Mac", text(link, "mac"));
      config.add("Sandbox", text(link, "sandbox"));
      interfaces.add(text(link, "name").getAsString(), config);
    }
    for (JsonElement one : array(raw, "ips")) {
      JsonObject address = one.getAsJsonObject();
      int index = address.has("interface") ? address.get("interface").getAsInt() : -1;
      if (index < 0 || index >= links.size()) {
        continue;
      }
      JsonObject ip = new JsonObject();
      ip.addProperty("IP", text(address, "address").getAsString().replaceFirst("/.*", ""));
      ip.add("Gateway", text(address, "gateway"));
      String name = text(links.get(index).getAsJsonObject(), "name").getAsString();
      interfaces.getAsJsonObject(name).getAsJsonArray("IPConfigs").add(ip);
    }
    JsonObject result = new JsonObject();
    result.add("Interfaces", interfaces);
    JsonArray dns = new JsonArray();
    if (raw.has("dns")) {
      dns.add(raw.get("dns"));
    }
    result.add("DNS", dns);
    result.add("Routes", array(raw, "routes"));
    return result;
  }

  private static JsonArray array(JsonObject from, String name) {
    return from.has(name) && from.get(name).isJsonArray()
        ? from.getAsJsonArray(name)
        : new JsonArray();
  }

  private static JsonPrimitive text(JsonObject from, String name) {
    return from.has(name) && from.get(name).isJsonPrimitive()
        ? from.getAsJsonPrimitive(name)
        : new JsonPrimitive("");
  }
}

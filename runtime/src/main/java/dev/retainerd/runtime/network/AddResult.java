package dev.retainerd.runtime.network;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a chain of ADD calls answered: the last plugin's result, and the addresses in it. */
record AddResult(JsonObject json) {

  /**
   * Reads a plugin's answer.
   *
   * @throws JsonParseException if it is not a result of CNI 0.3 or later
   */
  static AddResult parse(byte[] output) {
    AddResult result = new AddResult(Json.object(output));
    result.addresses();
    return result;
  }

  /** Addresses of the pod's own interfaces, without prefix length, in the plugins' order. */
  private List<String> addresses() {
    List<JsonObject> interfaces = Json.objects(json, "interfaces");
    List<String> addresses = new ArrayList<>();
    for (JsonObject ip : Json.objects(json, "ips")) {
      String address =
          Json.text(ip, "address")
              .orElseThrow(() -> new JsonParseException("an entry of \"ips\" has no address"));
      int index = Json.number(ip, "interface", -1);
      boolean ofNode =
          index >= 0
              && index < interfaces.size()
              && Json.text(interfaces.get(index), "sandbox").orElse("").isEmpty();
      if (!ofNode) {
        int slash = address.indexOf('/');
        addresses.add(slash < 0 ? address : address.substring(0, slash));
      }
    }
    return addresses;
  }

  /** The addresses with the primary one first, the others in the plugins' order. */
  List<String> addresses(NetworkSettings.AddressPreference preference) {
    List<String> all = new ArrayList<>(addresses());
    Optional<String> primary =
        switch (preference) {
          case IPV4 -> all.stream().filter(a -> a.indexOf(':') < 0).findFirst();
          case IPV6 -> all.stream().filter(a -> a.indexOf(':') >= 0).findFirst();
          case CNI -> Optional.empty();
        };
    primary.ifPresent(
        address -> {
          all.remove(address);
          all.addFirst(address);
        });
    return all;
  }
}

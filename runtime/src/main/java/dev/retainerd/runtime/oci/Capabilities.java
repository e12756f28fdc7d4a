package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.KernelCapabilities;
import dev.retainerd.wire.cri.v1.Capability;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Which capabilities a container gets. The rules are those of containerd's CRI: ALL first, then
 * what is added, then what is dropped, so that "add ALL, drop CHOWN" means what it says.
 */
final class Capabilities {
  private final Set<String> held = new LinkedHashSet<>();
  private final Set<String> ambient = new LinkedHashSet<>();

  private Capabilities() {}

  /** What a container without wishes has. */
  static Capabilities standard() {
    Capabilities set = new Capabilities();
    set.held.addAll(KernelCapabilities.OF_CONTAINERS);
    return set;
  }

  /** All that the daemon has. */
  static Capabilities privileged(HostTraits host) {
    Capabilities set = new Capabilities();
    KernelCapabilities.BY_BIT.stream().filter(host.capabilities()::contains).forEach(set.held::add);
    return set;
  }

  /**
   * What a request makes of the default.
   *
   * @throws Refusal INVALID_ARGUMENT for a capability that does not exist, FAILED_PRECONDITION for
   *     one that the daemon does not have and cannot give
   */
  static Capabilities requested(Capability wishes, HostTraits host) {
    Capabilities set = standard();
    if (hasAll(wishes.getAddCapabilitiesList())) {
      KernelCapabilities.BY_BIT.stream()
          .filter(host.capabilities()::contains)
          .forEach(set.held::add);
    }
    if (hasAll(wishes.getDropCapabilitiesList())) {
      set.held.clear();
    }
    for (String name : named(wishes.getAddCapabilitiesList())) {
      set.held.add(given(name, host));
    }
    if (hasAll(wishes.getAddAmbientCapabilitiesList())) {
      set.ambient.addAll(set.held);
    }
    for (String name : named(wishes.getAddAmbientCapabilitiesList())) {
      set.held.add(given(name, host));
      set.ambient.add(name);
    }
    for (String name : named(wishes.getDropCapabilitiesList())) {
      set.held.remove(name);
      set.ambient.remove(name);
    }
    return set;
  }

  private static boolean hasAll(List<String> names) {
    return names.stream().anyMatch(name -> name.equalsIgnoreCase("ALL"));
  }

  private static List<String> named(List<String> names) {
    return names.stream()
        .filter(name -> !name.equalsIgnoreCase("ALL"))
        .map(Capabilities::canonical)
        .toList();
  }

  private static String canonical(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    String full = upper.startsWith("CAP_") ? upper : "CAP_" + upper;
    if (!KernelCapabilities.BY_BIT.contains(full)) {
      throw Refusal.invalidArgument(
          "there is no capability " + Identifiers.shortened(name) + "; see capabilities(7)");
    }
    return full;
  }

  private static String given(String name, HostTraits host) {
    if (!host.capabilities().contains(name)) {
      throw Refusal.failedPrecondition(
          "the daemon has no " + name + " itself and cannot give it; leave it out of the request");
    }
    return name;
  }

  Set<String> bounding() {
    return held;
  }

  JsonObject toJson() {
    JsonObject json = JsonTree.object("bounding", held, "effective", held, "permitted", held);
    if (!ambient.isEmpty()) {
      // The kernel takes an ambient capability only where it is inheritable too.
      json.add("inheritable", JsonTree.array(ambient));
      json.add("ambient", JsonTree.array(ambient));
    }
    return json;
  }
}

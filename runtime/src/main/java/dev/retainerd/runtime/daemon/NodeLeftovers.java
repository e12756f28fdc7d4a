package dev.retainerd.runtime.daemon;

import dev.retainerd.runtime.cgroup.CgroupEntry;
import dev.retainerd.runtime.cgroup.Cgroups;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.ProcessIdentity;
import dev.retainerd.runtime.network.AddressLease;
import dev.retainerd.runtime.network.FirewallRule;
import dev.retainerd.runtime.network.FirewallRules;
import dev.retainerd.runtime.network.PodNetworks;
import dev.retainerd.runtime.recovery.Leftover;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What pods leave on the node beside their bundles and pins: files, addresses, firewall rules,
 * cgroups, the OCI runtime's records. Only what is named after one of our long random ids; whether
 * an id is ours the log says.
 */
final class NodeLeftovers {
  private static final String ID = "[0-9a-f]{64}";
  private static final Pattern INIT_PID = Pattern.compile("\"init_process_pid\":([0-9]{1,9})");

  private final NodeState state;

  NodeLeftovers(NodeState state) {
    this.state = state;
  }

  private boolean isPod(String id) {
    return state.get(Kind.SANDBOX.key(SandboxService.NAMESPACE, id)).isPresent();
  }

  private boolean isKnown(String id) {
    return isPod(id)
        || state.get(Kind.CONTAINER.key(SandboxService.NAMESPACE, id)).isPresent()
        || state.get(Kind.TASK.key(SandboxService.NAMESPACE, id)).isPresent();
  }

  /** Folders and /dev/shm of pods that are gone. */
  List<Leftover> podFolders(PodFolders folders) {
    List<Leftover> found = new ArrayList<>();
    Stream.of(folders.sandboxes(), folders.shm())
        .flatMap(parent -> names(parent).stream())
        .filter(id -> id.matches(ID) && !isPod(id))
        .distinct()
        .forEach(id -> found.add(new Leftover("folder", id, id, true, () -> folders.remove(id))));
    return found;
  }

  /** What host-local and the firewall keep of pods that are gone. */
  List<Leftover> network(PodNetworks networks) {
    List<Leftover> found = new ArrayList<>();
    for (AddressLease lease : networks.leases()) {
      if (!lease.sandboxId().isEmpty() && !isPod(lease.sandboxId())) {
        found.add(
            new Leftover(
                "address",
                lease.network() + "/" + lease.address(),
                lease.sandboxId(),
                false,
                lease::release));
      }
    }
    for (FirewallRule rule : FirewallRules.list()) {
      if (!rule.sandboxId().isEmpty() && !isPod(rule.sandboxId())) {
        found.add(
            new Leftover(
                "firewall-rule",
                rule.network() + "/" + rule.chain(),
                rule.sandboxId(),
                false,
                () -> FirewallRules.remove(rule)));
      }
    }
    return found;
  }

  /** Cgroups of containers that are gone, where no process is left in them. */
  List<Leftover> cgroups(Cgroups cgroups) {
    List<Leftover> found = new ArrayList<>();
    for (CgroupEntry entry : cgroups.all()) {
      String id = Path.of(entry.path()).getFileName() + "";
      if (id.matches(ID) && entry.pids().isEmpty() && !isKnown(id)) {
        found.add(
            new Leftover("cgroup", entry.path(), id, false, () -> cgroups.remove(entry.path())));
      }
    }
    return found;
  }

  /** Records of the OCI runtime about containers that are gone. */
  List<Leftover> runtimeState(Path runtimeRoot) {
    List<Leftover> found = new ArrayList<>();
    for (String namespace : names(runtimeRoot)) {
      for (String id : names(runtimeRoot.resolve(namespace))) {
        if (state.get(Kind.TASK.key(namespace, id)).isEmpty() && id.matches(ID)) {
          Path folder = runtimeRoot.resolve(namespace).resolve(id);
          found.add(
              new Leftover(
                  "runtime-state", namespace + "/" + id, id, false, () -> removeEnded(folder)));
        }
      }
    }
    return found;
  }

  /** Not of a container whose process is still there: its record is needed to end it. */
  private static void removeEnded(Path folder) {
    try {
      Path record = folder.resolve("state.json");
      Matcher init = INIT_PID.matcher(Files.exists(record) ? Files.readString(record) : "");
      if (init.find() && ProcessIdentity.of(Integer.parseInt(init.group(1))).isPresent()) {
        throw Refusal.failedPrecondition(
            "its process " + init.group(1) + " still runs; end that one first");
      }
      Folders.remove(folder);
    } catch (IOException e) {
      throw Refusal.internal(folder + " cannot be removed: " + e.getMessage(), e);
    }
  }

  private static List<String> names(Path folder) {
    File[] folders = folder.toFile().listFiles(File::isDirectory);
    return folders == null ? List.of() : Stream.of(folders).map(File::getName).sorted().toList();
  }
}

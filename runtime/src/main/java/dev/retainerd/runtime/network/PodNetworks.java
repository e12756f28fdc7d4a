package dev.retainerd.runtime.network;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import dev.retainerd.runtime.error.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attaches pods to networks and detaches them, by chains of CNI plugins.
 *
 * <p>The loopback plugin is not run: whoever makes the namespace brings lo up, which is all that
 * plugin does.
 *
 * <p>ADD is not repeatable by CNI's rules. If the outcome of an attempt is not known, call {@link
 * #detach} first; that is repeatable at any time, also without the attachment's record, also when
 * the namespace is gone. A failed {@link #attach} has detached already.
 *
 * <p>Thread-safe for different pods; calls for one pod must not overlap. Every plugin call has a
 * deadline, and only so many run at once.
 */
public final class PodNetworks {
  private static final Logger LOG = LoggerFactory.getLogger(PodNetworks.class);

  private final NetworkSettings settings;
  private final NetworkFolder folder;
  private final PluginRunner runner;

  public PodNetworks(NetworkSettings settings) {
    this.settings = settings;
    this.folder = new NetworkFolder(settings.confFolder(), settings.mostNetworks());
    this.runner = new PluginRunner(settings);
  }

  /** Whether a pod could be attached now; plugins that know STATUS (CNI 1.1) are asked. */
  public NetworkStatus status() {
    NetworkFolder.Content content = folder.read();
    if (content.networks().isEmpty()) {
      return new NetworkStatus(false, NetworkStatus.NOT_READY, absent(content));
    }
    for (NetworkList list : content.networks()) {
      if (!list.version().atLeast(CniVersion.V1_1_0)) {
        continue;
      }
      for (JsonObject plugin : list.plugins()) {
        try {
          runner.run("STATUS", list.name(), ofNode(list, plugin), "the node", Map.of());
        } catch (PluginFailedException e) {
          return new NetworkStatus(false, NetworkStatus.NOT_READY, e.getMessage());
        }
      }
    }
    return new NetworkStatus(true, "", String.join("; ", content.problems()));
  }

  private String absent(NetworkFolder.Content content) {
    String problems = String.join("; ", content.problems());
    return "no usable network configuration in "
        + settings.confFolder()
        + (problems.isEmpty() ? ": put a .conflist there" : ": " + problems);
  }

  private static JsonObject ofNode(NetworkList list, JsonObject plugin) {
    JsonObject config = plugin.deepCopy();
    config.addProperty("name", list.name());
    config.addProperty("cniVersion", list.version().toString());
    config.remove("capabilities");
    return config;
  }

  /**
   * Attaches a pod to all configured networks, as eth0, eth1 and so on.
   *
   * @return one record for each network, in that order; never empty
   * @throws Refusal UNAVAILABLE if no network is configured or a plugin asks to try again later,
   *     DEADLINE_EXCEEDED if one was killed, otherwise with the plugin's own reason
   */
  public List<Attachment> attach(PodNetworkRequest request) {
    NetworkFolder.Content content = folder.read();
    if (content.networks().isEmpty()) {
      throw Refusal.unavailable(
          "pod " + request.sandboxId() + " has no network: " + absent(content));
    }
    new PluginCall(request, "eth0").requirePlainArguments();
    List<Attachment> attachments = new ArrayList<>();
    for (NetworkList list : content.networks()) {
      PluginCall call = new PluginCall(request, "eth" + attachments.size());
      try {
        attachments.add(add(list, call));
      } catch (PluginFailedException e) {
        undo(request, attachments, list);
        throw e.toRefusal();
      }
    }
    return attachments;
  }

  private Attachment add(NetworkList list, PluginCall call) throws PluginFailedException {
    Optional<AddResult> previous = Optional.empty();
    for (JsonObject plugin : list.plugins()) {
      JsonObject config = call.config(list, plugin, previous.map(AddResult::json));
      byte[] output = run("ADD", list, config, call);
      try {
        previous = Optional.of(AddResult.parse(output));
      } catch (JsonParseException e) {
        throw garbage(list, plugin, call, output, e);
      }
    }
    AddResult result = previous.orElseThrow();
    return new Attachment(
        list.name(),
        result.addresses(settings.preference()),
        result.json().toString().getBytes(StandardCharsets.UTF_8),
        list.json());
  }

  private static PluginFailedException garbage(
      NetworkList list, JsonObject plugin, PluginCall call, byte[] output, Exception cause) {
    String excerpt = PluginRunner.excerpt(output);
    return new PluginFailedException(
        Refusal.Code.INTERNAL,
        "plugin \""
            + NetworkList.type(plugin)
            + "\" of network \""
            + list.name()
            + "\" (ADD for pod "
            + call.request().sandboxId()
            + ") printed "
            + (excerpt.isEmpty() ? "nothing" : "what is no CNI result: " + excerpt),
        0,
        cause);
  }

  private byte[] run(String verb, NetworkList list, JsonObject config, PluginCall call)
      throws PluginFailedException {
    String subject = "pod " + call.request().sandboxId();
    return runner.run(verb, list.name(), config, subject, call.environment());
  }

  /** After a failed ADD the whole chain gets a DEL, as CNI asks for; its own failure is logged. */
  private void undo(PodNetworkRequest request, List<Attachment> done, NetworkList failed) {
    List<Attachment> all = new ArrayList<>(done);
    all.add(new Attachment(failed.name(), List.of(), new byte[0], failed.json()));
    try {
      detach(request, all);
    } catch (Refusal e) {
      LOG.warn("undoing a failed attachment: {}", e.sentence());
    }
  }

  /**
   * Detaches a pod; repeatable, and all plugins are called even if one fails.
   *
   * @param attachments what {@link #attach} answered; if empty, because that was never recorded,
   *     what the folder says now is detached
   * @throws Refusal with the first plugin's reason; the same call may succeed later
   */
  public void detach(PodNetworkRequest request, List<Attachment> attachments) {
    List<Attachment> all = attachments;
    if (all.isEmpty()) {
      all =
          folder.read().networks().stream()
              .map(list -> new Attachment(list.name(), List.of(), new byte[0], list.json()))
              .toList();
    }
    PluginFailedException first = null;
    for (int i = all.size() - 1; i >= 0; i--) {
      NetworkList list = stored(all.get(i));
      PluginCall call = new PluginCall(request, "eth" + i);
      for (JsonObject plugin : list.plugins().reversed()) {
        try {
          run("DEL", list, call.config(list, plugin, storedResult(list, all.get(i))), call);
        } catch (PluginFailedException e) {
          if (first == null && !isHarmless(e, all.get(i))) {
            first = e;
          }
        }
      }
    }
    if (first != null) {
      throw first.toRefusal();
    }
  }

  /** A plugin that knows no such pod, or that was never there when an ADD was tried. */
  private static boolean isHarmless(PluginFailedException e, Attachment attachment) {
    return e.pluginCode() == PluginFailedException.UNKNOWN_CONTAINER
        || (e.isNotInstalled() && attachment.result().length == 0);
  }

  private static NetworkList stored(Attachment attachment) {
    try {
      return NetworkList.parseList(
          attachment.config(), "the recorded configuration of network " + attachment.network());
    } catch (InvalidNetworkException e) {
      throw Refusal.internal(e.getMessage(), e);
    }
  }

  /** DEL and CHECK want the result back since CNI 0.4. */
  private static Optional<JsonObject> storedResult(NetworkList list, Attachment attachment) {
    if (attachment.result().length == 0 || !list.version().atLeast(CniVersion.V0_4_0)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Json.object(attachment.result()));
    } catch (JsonParseException e) {
      throw Refusal.internal(
          "the recorded result of network " + attachment.network() + " is damaged", e);
    }
  }

  /**
   * Asks the plugins whether the attachments are as they were made; does nothing for networks that
   * do not know CHECK.
   *
   * @throws Refusal FAILED_PRECONDITION with what a plugin found wrong, in CNI's form
   */
  public void check(PodNetworkRequest request, List<Attachment> attachments) {
    for (int i = 0; i < attachments.size(); i++) {
      Attachment attachment = attachments.get(i);
      NetworkList list = stored(attachment);
      if (list.checkDisabled() || !list.version().atLeast(CniVersion.V0_4_0)) {
        continue;
      }
      PluginCall call = new PluginCall(request, "eth" + i);
      for (JsonObject plugin : list.plugins()) {
        try {
          run("CHECK", list, call.config(list, plugin, storedResult(list, attachment)), call);
        } catch (PluginFailedException e) {
          if (e.pluginCode() != 0) {
            throw Refusal.failedPrecondition(e.getMessage()).because(e);
          }
          // It died or is gone: that says nothing of the pod.
          LOG.warn("a network cannot be checked: {}", e.getMessage());
        }
      }
    }
  }

  /**
   * Tells plugins that know GC (CNI 1.1) which pods exist, so that they free what belongs to none.
   *
   * @param sandboxIds every pod that is or may be attached
   * @return a sentence for each plugin that failed
   */
  public List<String> collect(Collection<String> sandboxIds) {
    List<String> problems = new ArrayList<>();
    List<NetworkList> networks = folder.read().networks();
    for (int i = 0; i < networks.size(); i++) {
      NetworkList list = networks.get(i);
      if (list.collectDisabled() || !list.version().atLeast(CniVersion.V1_1_0)) {
        continue;
      }
      JsonArray valid = new JsonArray();
      for (String id : sandboxIds) {
        JsonObject attachment = new JsonObject();
        attachment.addProperty("containerID", id);
        attachment.addProperty("ifname", "eth" + i);
        valid.add(attachment);
      }
      for (JsonObject plugin : list.plugins()) {
        JsonObject config = ofNode(list, plugin);
        config.add("cni.dev/valid-attachments", valid);
        try {
          runner.run("GC", list.name(), config, "the node", Map.of());
        } catch (PluginFailedException e) {
          problems.add(e.getMessage());
        }
      }
    }
    return problems;
  }

  /** The address leases that host-local keeps for the configured networks. */
  public List<AddressLease> leases() {
    return folder.read().networks().stream()
        .flatMap(list -> list.hostLocalFolders().stream())
        .distinct()
        .flatMap(path -> AddressLease.in(path).stream())
        .toList();
  }
}

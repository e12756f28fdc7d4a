package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.containerd.ContainerdApi;
import dev.retainerd.runtime.cri.CriImages;
import dev.retainerd.runtime.cri.CriRuntime;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Caller;
import dev.retainerd.runtime.history.HistoryService;
import dev.retainerd.runtime.history.Upkeep;
import dev.retainerd.runtime.shims.api.ShimsApi;
import dev.retainerd.store.proto.Damage;
import dev.retainerd.store.state.Kind;
import io.grpc.BindableService;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Every API of the daemon, over its services. */
final class Apis {
  private Apis() {}

  static List<BindableService> of(
      DaemonConfig config, Services services, Images images, Upkeep upkeep, Ids ids) {
    List<BindableService> apis = new ArrayList<>();
    apis.add(
        new CriRuntime(
            services.sandboxes(),
            services.containers(),
            services.tasks(),
            services.execs(),
            services.journal(),
            services.execFolder(),
            ids::next,
            new CriRuntime.NodeFacts(
                Version.NAME,
                config.runtimes().keySet().stream().sorted().toList(),
                config.defaultRuntime().systemdCgroup(),
                services.network()::notReadyReason,
                () -> info(config, services)),
            Apis::origin));
    apis.add(
        new CriImages(
            images.service(), Images.snapshotsFolder(config), Clock.systemUTC(), Apis::origin));
    apis.addAll(
        ContainerdApi.services(
            new ContainerdApi.Behind(
                services.journal(),
                services.tasks(),
                services.execs(),
                images.content(),
                images.snapshots(),
                images.diffs(),
                namespace -> images.garbage().collect(origin(), namespace),
                Images.snapshotsFolder(config)),
            Version.NAME,
            ""));
    apis.add(new ShimsApi(services.shims(), services.journal().state()));
    apis.add(new HistoryService(services.journal().log(), upkeep));
    return apis;
  }

  /** Who makes the present call. */
  static Origin origin() {
    Caller caller = CallContext.caller();
    return new Origin(
        new Actor(Actor.Kind.CLIENT, caller.pid(), caller.uid(), caller.gid(), caller.executable()),
        CallContext.requestId(),
        0);
  }

  private static Map<String, String> info(DaemonConfig config, Services services) {
    var status = services.journal().log().status();
    com.google.gson.JsonObject log = new com.google.gson.JsonObject();
    log.addProperty("lastSequence", status.lastSequence());
    log.addProperty("durableSequence", status.durableSequence());
    log.addProperty("durability", status.durability().word());
    log.addProperty("generation", status.generation());
    com.google.gson.JsonArray damages = new com.google.gson.JsonArray();
    services
        .journal()
        .state()
        .get(Kind.NODE.key("", "node"))
        .ifPresent(node -> node.getDamagesList().forEach(d -> damages.add(sentence(d))));
    log.add("damages", damages);
    com.google.gson.JsonObject settings = new com.google.gson.JsonObject();
    settings.addProperty("root", config.root().toString());
    settings.addProperty("state", config.state().toString());
    settings.addProperty("defaultRuntime", config.defaultRuntimeName());
    settings.addProperty("cniConfDir", config.cni().confDir().toString());
    Optional<String> network = services.network().notReadyReason();
    return Map.of(
        "config", settings.toString(),
        "eventLog", log.toString(),
        "cniStatus", network.orElse("OK"));
  }

  /** Damage that a start found, of the log or the store, with the event that tells of it. */
  private static String sentence(Damage d) {
    return "event "
        + d.getSequence()
        + ": "
        + new LogDamage(
                d.getWhat(),
                d.getPath(),
                d.getSetAsideTo(),
                d.getFirstLostSequence(),
                d.getLastLostSequence(),
                d.getDetail())
            .sentence();
  }
}

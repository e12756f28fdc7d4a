package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.cgroup.Cgroups;
import dev.retainerd.runtime.cgroup.UsageReader;
import dev.retainerd.runtime.checkpoint.ContainerCheckpoints;
import dev.retainerd.runtime.checkpoint.PodCheckpoints;
import dev.retainerd.runtime.checkpoint.PodRestores;
import dev.retainerd.runtime.checkpoint.TaskCheckpoints;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.containerd.ContainerdApi;
import dev.retainerd.runtime.cri.CriImages;
import dev.retainerd.runtime.cri.CriRuntime;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.garbage.GarbageService;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Caller;
import dev.retainerd.runtime.history.HistoryService;
import dev.retainerd.runtime.history.Upkeep;
import dev.retainerd.runtime.measure.Measures;
import dev.retainerd.runtime.recovery.Examination;
import dev.retainerd.runtime.recovery.api.DoctorApi;
import dev.retainerd.runtime.shims.api.ShimsApi;
import io.grpc.BindableService;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/** Every API of the daemon, over its services. */
final class Apis {
  private Apis() {}

  static List<BindableService> of(
      DaemonConfig config, Services services, Images images, Upkeep upkeep) {
    List<BindableService> apis = new ArrayList<>();
    Services.Saved saved = services.saved();
    apis.add(
        new CriRuntime(
            behind(config, services),
            new CriRuntime.NodeFacts(
                Version.NAME,
                new HandlerFeatures(config, new IdMappedMounts(config.root()))::all,
                config.defaultRuntime().systemdCgroup(),
                services.network()::notReadyReason,
                new NodeInfo(config, services)::all),
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
                new TaskCheckpoints(
                    services.journal().state(),
                    images.content(),
                    saved.checkpointing(),
                    saved.folders()),
                services.groups(),
                images.content(),
                images.snapshotters().all(),
                images.diffs(),
                images.service().transfers(),
                namespace -> images.garbage().collect(origin(), namespace),
                Images.snapshotsFolder(config)),
            Version.NAME,
            ""));
    apis.add(new ShimsApi(services.shims(), services.journal().state()));
    apis.add(
        new DoctorApi(
            new Examination(services.journal(), services.leftovers(), services.sandboxes()),
            services.journal().state()));
    apis.add(new HistoryService(services.journal().log(), upkeep));
    apis.add(new GarbageService(images.garbage(), services.journal().state(), Apis::origin));
    return apis;
  }

  private static CriRuntime.Checkpoints checkpoints(Services services) {
    Services.Saved saved = services.saved();
    return new CriRuntime.Checkpoints(
        new ContainerCheckpoints(
            services.journal(),
            saved.checkpointing(),
            saved.roots(),
            saved.cuts(),
            saved.folders()),
        new PodCheckpoints(
            services.journal(),
            services.tasks(),
            saved.checkpointing(),
            saved.roots(),
            saved.cuts()),
        new PodRestores(services.sandboxes(), services.containers()));
  }

  private static CriRuntime.Behind behind(DaemonConfig config, Services services) {
    return new CriRuntime.Behind(
        services.sandboxes(),
        services.containers(),
        services.tasks(),
        services.runs(),
        services.streams(),
        new Measures(
            new UsageReader(Cgroups.detect()), services.saved().roots()::usage, System::nanoTime),
        checkpoints(services),
        services.journal(),
        Images.snapshotsFolder(config),
        config.state());
  }

  /** Who makes the present call. */
  static Origin origin() {
    Caller caller = CallContext.caller();
    return new Origin(
        new Actor(Actor.Kind.CLIENT, caller.pid(), caller.uid(), caller.gid(), caller.executable()),
        CallContext.requestId(),
        0);
  }
}

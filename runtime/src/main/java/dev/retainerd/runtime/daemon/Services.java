package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.runtime.cgroup.AttachAhead;
import dev.retainerd.runtime.cgroup.Cgroups;
import dev.retainerd.runtime.checkpoint.ConsistentCut;
import dev.retainerd.runtime.checkpoint.SavedArchives;
import dev.retainerd.runtime.checkpoint.WorkFolders;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.container.ContainerFolders;
import dev.retainerd.runtime.container.ContainerImages;
import dev.retainerd.runtime.container.ContainerRecords;
import dev.retainerd.runtime.container.ContainerService;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.engine.Origin;
import dev.retainerd.runtime.group.GroupService;
import dev.retainerd.runtime.idmap.MappedTrees;
import dev.retainerd.runtime.namespaces.NamespacePins;
import dev.retainerd.runtime.network.NetworkSettings;
import dev.retainerd.runtime.network.PodNetworks;
import dev.retainerd.runtime.oci.CdiDevices;
import dev.retainerd.runtime.oci.HostTraits;
import dev.retainerd.runtime.oci.RequestRules;
import dev.retainerd.runtime.oci.SpecBuilder;
import dev.retainerd.runtime.oci.SpecPolicy;
import dev.retainerd.runtime.oci.Sysctls;
import dev.retainerd.runtime.recovery.Leftover;
import dev.retainerd.runtime.recovery.Leftovers;
import dev.retainerd.runtime.recovery.Recovery;
import dev.retainerd.runtime.sandbox.SandboxRecords;
import dev.retainerd.runtime.sandbox.SandboxService;
import dev.retainerd.runtime.session.CommandRuns;
import dev.retainerd.runtime.session.ContainerTargets;
import dev.retainerd.runtime.shims.ShimLauncher;
import dev.retainerd.runtime.shims.Shims;
import dev.retainerd.runtime.shims.TtrpcShim;
import dev.retainerd.runtime.stream.StreamServer;
import dev.retainerd.runtime.task.Bundles;
import dev.retainerd.runtime.task.Checkpointing;
import dev.retainerd.runtime.task.EndedTasks;
import dev.retainerd.runtime.task.ExecService;
import dev.retainerd.runtime.task.ExitRecorder;
import dev.retainerd.runtime.task.StopService;
import dev.retainerd.runtime.task.TaskRecovery;
import dev.retainerd.runtime.task.TaskService;
import dev.retainerd.shim.protocol.DescriptorHolder;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/** Every service of the daemon, fitted together. */
record Services(
    Journal journal,
    Shims shims,
    TaskService tasks,
    ExecService execs,
    StopService stops,
    GroupService groups,
    SandboxService sandboxes,
    ContainerService containers,
    Recovery recovery,
    Leftovers leftovers,
    CniPods network,
    CommandRuns runs,
    StreamServer streams,
    DescriptorHolder holder,
    Saved saved) {

  /** What checkpoints of pods are made with, and what containers are restored from. */
  record Saved(
      Checkpointing checkpointing, WorkFolders folders, ConsistentCut cuts, SnapshotRootfs roots) {}

  /** The daemon acting of itself. */
  static final Origin SELF = new Origin(Actor.daemon(), "", 0);

  private static final Origin RECOVERY = new Origin(Actor.recovery(), "", 0);
  private static final Origin SHIM = new Origin(new Actor(Actor.Kind.SHIM, 0, 0, 0, ""), "", 0);

  /**
   * Fits them.
   *
   * @param shimBinary the shim's launcher, beside the daemon's
   * @param checkpointImages puts the layers of an image of that id into an empty folder
   * @param imageRecovery further steps of recovery
   */
  static Services of(
      DaemonConfig config,
      Path shimBinary,
      Journal journal,
      SnapshotRootfs roots,
      ContainerImages images,
      BiConsumer<String, Path> checkpointImages,
      List<Runnable> imageRecovery,
      Ids ids)
      throws IOException {
    Path state = config.state();
    Path shimsFolder = state.resolve("shims");
    Path execFolder = state.resolve("exec");
    RuncOptions runtimes = new RuncOptions(config);
    Path holderSocket = state.resolve("holder.sock");
    DescriptorHolder holder = DescriptorHolder.serve(holderSocket);
    Shims shims =
        new Shims(
            journal,
            new ShimLauncher(shimBinary, shimsFolder),
            TtrpcShim::connect,
            new Shims.Settings(
                config.retain().podsPerShim(),
                config.retain().spareShims() > 0,
                Duration.ofMillis(config.retain().idleShimMillis()),
                holderSocket,
                ids::nextShort,
                Duration.ofMillis(config.retain().shimTimeoutMillis())),
            SELF);
    Bundles bundles = new Bundles(state.resolve("tasks"), config.root().resolve("restore"));
    MappedTrees trees = new MappedTrees(state.resolve("idmap"));
    trees.clear();
    AttachAhead attaching = AttachAhead.start();
    TaskService tasks =
        new TaskService(journal, shims, bundles, trees, runtimes, attaching::expect);
    ExecService execs = new ExecService(tasks);
    StopService stops = new StopService(tasks);
    GroupService groups = new GroupService(journal, shims, tasks, stops);
    PinnedNamespaces namespaces =
        new PinnedNamespaces(new NamespacePins(state), new IdMappedMounts(config.root()));
    PodFolders folders = new PodFolders(config.root().resolve("sandboxes"), state.resolve("shm"));
    ContainerFolders containerFolders =
        ContainerFolders.below(config.root(), SandboxService.NAMESPACE);
    CriSpecs specs =
        new CriSpecs(
            new SpecBuilder(HostTraits.read(), policy(config)),
            new CdiDevices(config.cri().enableCdi() ? config.cri().cdiFolders() : List.of()),
            new ImageDefinedVolumes(containerFolders, config.cri().ignoreImageDefinedVolumes()),
            new ImageAccounts(),
            folders,
            namespaces,
            runtimes,
            state.resolve("look"));
    WorkFolders work = WorkFolders.emptied(config.root().resolve("checkpoint"), ids::next);
    ContainerService containers =
        new ContainerService(
            journal,
            tasks,
            stops,
            new ContainerService.Effects(
                images,
                roots,
                new MountedImages(
                    images, roots.snapshotters(), trees, state.resolve("image-mounts")),
                specs,
                containerFolders,
                new ContainerRecords(ids::next, Clock.systemUTC(), runtimes::recordedName),
                new NamedCheckpoints(new SavedArchives(work), checkpointImages)),
            config.cri().maxLogLineBytes());
    PodNetworks podNetworks = new PodNetworks(networks(config));
    CniPods network = new CniPods(podNetworks);
    SandboxService sandboxes =
        new SandboxService(
            journal,
            shims,
            new SandboxService.Effects(
                folders,
                namespaces,
                network,
                new PauseTasks(
                    journal,
                    tasks,
                    stops,
                    specs,
                    runtimes,
                    config.root().resolve("pause"),
                    config.retain().pausePath()),
                containers),
            new SandboxRecords(
                namespaces,
                ids::next,
                Clock.systemUTC(),
                pod -> {
                  RequestRules.check(pod);
                  CniPods.check(pod);
                },
                runtimes::recordedName,
                pod -> Sysctls.of(pod, policy(config))));
    Checkpointing checkpointing = new Checkpointing(tasks);
    ConsistentCut cuts = new ConsistentCut(sandboxes, tasks, checkpointing);
    TaskRecovery taskRecovery = new TaskRecovery(tasks, RECOVERY);
    EndedTasks ended =
        new EndedTasks(
            tasks,
            (namespace, id) ->
                namespace.equals(SandboxService.NAMESPACE)
                    && (containers.find(id).isPresent() || sandboxes.find(id).isPresent()));
    ExitRecorder recorder =
        new ExitRecorder(tasks, SHIM, (namespace, id) -> ended.ended(SELF, namespace, id));
    journal.addListener(
        (envelope, event) -> {
          if (event instanceof dev.retainerd.eventlog.event.Event.TaskDeleted deleted) {
            holder.drop(envelope.namespace() + "/" + deleted.payload().getContainerId() + "/");
          }
        });
    shims.onRecord(recorder::record);
    shims.onAttached(
        (id, calls) -> {
          taskRecovery.settle(id);
          cuts.settleOpen(RECOVERY);
        });
    CommandRuns runs =
        new CommandRuns(
            journal, tasks, execs, execFolder, ids::next, config.cri().execSyncDrainTimeout());
    StreamServer streams =
        StreamServer.start(
            new ContainerTargets(runs, tasks, containers, sandboxes, execFolder, ids::next, SELF),
            Streams.options(config.streams()));
    Leftovers leftovers =
        new Leftovers(
            journal,
            namespaces,
            bundles,
            shimsFolder,
            execFolder,
            finders(new NodeLeftovers(journal.state()), folders, podNetworks, state));
    Recovery recovery =
        new Recovery(
            new Recovery.Parts(
                journal,
                shims,
                tasks,
                execs,
                stops,
                groups,
                taskRecovery,
                recorder,
                ended,
                sandboxes,
                containers,
                more(imageRecovery, () -> cuts.settleAll(RECOVERY)),
                leftovers),
            RECOVERY,
            execFolder.toString());
    return new Services(
        journal,
        shims,
        tasks,
        execs,
        stops,
        groups,
        sandboxes,
        containers,
        recovery,
        leftovers,
        network,
        runs,
        streams,
        holder,
        new Saved(checkpointing, work, cuts, roots));
  }

  private static List<Runnable> more(List<Runnable> of, Runnable first) {
    List<Runnable> all = new ArrayList<>(List.of(first));
    all.addAll(of);
    return all;
  }

  private static List<Leftover.Finder> finders(
      NodeLeftovers node, PodFolders folders, PodNetworks networks, Path state) {
    return List.of(
        () -> node.podFolders(folders),
        () -> node.network(networks),
        () -> node.cgroups(Cgroups.detect()),
        () -> node.runtimeState(state.resolve("runc")));
  }

  private static SpecPolicy policy(DaemonConfig config) {
    var cri = config.cri();
    return new SpecPolicy(
        cri.restrictOomScoreAdj(),
        cri.unsetSeccompProfile(),
        cri.enableSelinux(),
        cri.disableApparmor(),
        cri.tolerateMissingHugetlbController(),
        cri.disableHugetlbController(),
        cri.deviceOwnershipFromSecurityContext(),
        cri.enableUnprivilegedPorts(),
        cri.enableUnprivilegedIcmp());
  }

  private static NetworkSettings networks(DaemonConfig config) {
    var cni = config.cni();
    NetworkSettings.AddressPreference preference =
        cni.ipPreference().isEmpty()
            ? NetworkSettings.AddressPreference.IPV4
            : NetworkSettings.AddressPreference.valueOf(
                cni.ipPreference().toUpperCase(Locale.ROOT));
    return new NetworkSettings(
        cni.confDir(),
        cni.binDirs(),
        cni.maxConfNum(),
        preference,
        NetworkSettings.DEFAULT_PLUGIN_DEADLINE,
        NetworkSettings.DEFAULT_CONCURRENT_PLUGINS);
  }
}

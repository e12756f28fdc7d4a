package dev.retainerd.runtime.daemon;

import dev.retainerd.eventlog.Durability;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.LogStatus;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.files.LogFolder;
import dev.retainerd.eventlog.files.LogOpening;
import dev.retainerd.eventlog.proto.DaemonStartedPayload;
import dev.retainerd.eventlog.proto.DaemonStoppingPayload;
import dev.retainerd.eventlog.proto.DamageFoundPayload;
import dev.retainerd.eventlog.proto.NodeRebootedPayload;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.config.RetainSettings;
import dev.retainerd.runtime.engine.Journal;
import dev.retainerd.runtime.grpc.GrpcServer;
import dev.retainerd.runtime.linux.ProcessIdentity;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.rocks.CatchUp;
import dev.retainerd.store.state.Kind;
import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon: log, store, services and server, from start to stop. Stopping it, in whatever way,
 * ends no container.
 */
public final class Daemon implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);

  private static final long GENERATION_BYTES = 1L << 30;

  private final StateFolder stateFolder;
  private final ChronicleEventLog log;
  private final CatchUp store;
  private final Journal journal;
  private final LogUpkeep upkeep;
  private final Services services;
  private final Images images;
  private final GrpcServer server;
  private final IdleMemory memory;

  private Daemon(
      StateFolder stateFolder,
      ChronicleEventLog log,
      CatchUp store,
      Journal journal,
      LogUpkeep upkeep,
      Services services,
      Images images,
      GrpcServer server) {
    this.stateFolder = stateFolder;
    this.log = log;
    this.store = store;
    this.journal = journal;
    this.upkeep = upkeep;
    this.services = services;
    this.images = images;
    this.server = server;
    this.memory = IdleMemory.start(log::lastSequence);
  }

  /**
   * Starts: when this returns, reads are answered; recovery goes on in the background, and requests
   * that change something wait for it.
   *
   * @param shimBinary the shim's launcher
   * @param libraries called before the server's libraries are first used
   * @throws dev.retainerd.runtime.error.Refusal where folders or the socket are not to be had
   * @throws dev.retainerd.eventlog.EventLogException where the log refuses
   */
  public static Daemon start(DaemonConfig config, Path shimBinary, Runnable libraries)
      throws IOException {
    long begun = System.nanoTime();
    NodeIdentity identity = NodeIdentity.of(config);
    LogOptions options = identity.expectedBy(logOptions(config));
    LogOpening.refuseAbsent(new LogFolder(options.directory()), options);
    makeFolders(config);
    StateFolder stateFolder = StateFolder.take(config.state());
    ChronicleEventLog log = ChronicleEventLog.open(options);
    identity.record(config.root(), log.status().nodeId());
    CatchUp store = CatchUp.open(config.root().resolve("store"), log);
    LOG.info(
        "log at event {}, {} folded into the store, {} ms",
        log.lastSequence(),
        store.caughtUp(),
        millisSince(begun));
    Journal journal = new Journal(log, store.state(), store.store()::apply);
    boolean rebooted = recordStart(journal, log, store);
    LogUpkeep upkeep = LogUpkeep.start(config, log, store.store(), journal);
    Ids ids = new Ids();
    Images images = Images.of(config, journal);
    Services services =
        Services.of(
            config,
            shimBinary,
            journal,
            new SnapshotRootfs(images.snapshotters(), images.diffs(), journal.state()),
            images.forContainers(),
            images.service()::unpack,
            List.of(images::recover),
            ids);
    RecoveryGate gate = new RecoveryGate(services.recovery()::awaitFinished);
    List<BindableService> apis = new ArrayList<>();
    for (BindableService api : Apis.of(config, services, images, upkeep)) {
      apis.add(() -> ServerInterceptors.intercept(api, gate));
    }
    libraries.run();
    GrpcServer server =
        GrpcServer.start(
            new GrpcServer.Options(
                config.socket().address(),
                config.socket().uid(),
                config.socket().gid(),
                config.socket().maxReceiveBytes()),
            apis);
    LOG.info("ready on {} after {} ms", server.socket(), millisSince(begun));
    Thread.ofPlatform().name("recovery").start(() -> services.recovery().run(rebooted));
    return new Daemon(stateFolder, log, store, journal, upkeep, services, images, server);
  }

  private static long millisSince(long begunNanos) {
    return (System.nanoTime() - begunNanos) / 1_000_000;
  }

  private static void makeFolders(DaemonConfig config) throws IOException {
    for (Path folder : List.of(config.root(), config.state())) {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(
            folder,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
      }
    }
    Files.createDirectories(config.socket().address().toAbsolutePath().getParent());
    for (String folder : List.of("look", "exec", "shims", "tasks")) {
      Files.createDirectories(config.state().resolve(folder));
    }
  }

  /** Sizes follow the block of the log: an event may take a quarter of it. */
  private static LogOptions logOptions(DaemonConfig config) {
    RetainSettings settings = config.retain();
    Duration rollAfter =
        switch (settings.logRoll()) {
          case HOURLY -> Duration.ofHours(1);
          case DAILY -> Duration.ofDays(1);
        };
    LogOptions options =
        LogOptions.standard(config.root().resolve("log"))
            .withDurability(durability(settings))
            .withSizes(settings.logBlockBytes() / 4, GENERATION_BYTES, settings.reserveBytes())
            .withRollAfter(rollAfter);
    return LogUpkeep.withCopy(options, settings);
  }

  private static Durability durability(RetainSettings settings) {
    return switch (settings.durability()) {
      case POWER_LOSS -> Durability.POWER_LOSS;
      case PROCESS_CRASH -> Durability.PROCESS_CRASH;
    };
  }

  /** True where the node has booted since the last event. */
  private static boolean recordStart(Journal journal, EventLog log, CatchUp store) {
    LogStatus status = log.status();
    Optional<NodeEntry> before = journal.state().get(Kind.NODE.key("", "node"));
    String bootId = ProcessIdentity.currentBootId();
    boolean rebooted = before.isPresent() && !before.get().getBootId().equals(bootId);
    List<Event> events = new ArrayList<>();
    List<LogDamage> damages = new ArrayList<>(status.damages());
    damages.addAll(store.passedOver());
    for (LogDamage d : damages) {
      events.add(
          damage(
              d.what(),
              d.path(),
              d.setAsideTo(),
              d.firstLostSequence(),
              d.lastLostSequence(),
              d.detail()));
    }
    store
        .setAside()
        .ifPresent(s -> events.add(damage("store", s.from() + "", s.to() + "", 0, 0, s.reason())));
    if (rebooted) {
      events.add(
          new Event.NodeRebooted(
              NodeRebootedPayload.newBuilder()
                  .setPreviousBootId(before.get().getBootId())
                  .setBootId(bootId)
                  .build()));
    }
    events.add(
        new Event.DaemonStarted(
            DaemonStartedPayload.newBuilder()
                .setVersion(Version.NAME)
                .setPid((int) ProcessHandle.current().pid())
                .setBootId(bootId)
                .setNodeId(status.nodeId())
                .setDurability(status.durability().word())
                .setPreviousStopWasClean(status.previousStopWasClean())
                .build()));
    journal.commit(Services.SELF, "", events);
    return rebooted;
  }

  private static Event damage(
      String what, String path, String aside, long first, long last, String detail) {
    LOG.warn("damage found: {} {}: {}", what, path, detail);
    return new Event.DamageFound(
        DamageFoundPayload.newBuilder()
            .setWhat(what)
            .setPath(path)
            .setSetAsideTo(aside)
            .setFirstLostSequence(first)
            .setLastLostSequence(last)
            .setDetail(detail)
            .build());
  }

  /**
   * Stops in order: no new requests, then the last event, then the files. Containers and shims go
   * on.
   */
  @Override
  public void close() {
    memory.close();
    server.close();
    services.streams().close();
    images.schedule().close();
    services.shims().close();
    services.holder().close();
    upkeep.close();
    journal.commit(
        Services.SELF,
        "",
        new Event.DaemonStopping(DaemonStoppingPayload.newBuilder().setReason("asked to").build()));
    journal.close();
    store.store().close();
    log.close();
    stateFolder.close();
  }
}

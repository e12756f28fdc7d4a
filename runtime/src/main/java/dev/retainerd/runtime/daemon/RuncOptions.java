package dev.retainerd.runtime.daemon;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.runtime.config.RuntimeHandler;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.task.RuntimeOptions;
import dev.retainerd.wire.containerd.runc.v1.Options;
import java.util.Optional;

/** The configured OCI runtimes as options of a shim. */
record RuncOptions(DaemonConfig config) implements RuntimeOptions {
  private static final String TYPE_URL = "containerd.runc.v1.Options";

  @Override
  public Opaque optionsOf(String runtime) {
    RuntimeHandler handler =
        find(runtime)
            .orElseThrow(
                () ->
                    Refusal.invalidArgument(
                        "the runtime "
                            + runtime
                            + " is not configured; the configuration knows "
                            + String.join(", ", config.runtimes().keySet())));
    requireOurs(handler);
    Options.Builder options =
        Options.newBuilder()
            .setBinaryName(handler.engine())
            .setRoot(
                handler.runtimeRoot().orElseGet(() -> config.state().resolve("runc")).toString())
            .setSystemdCgroup(handler.systemdCgroup())
            .setNoPivotRoot(handler.noPivotRoot())
            .setNoNewKeyring(handler.noNewKeyring())
            .setIoUid(handler.ioUid())
            .setIoGid(handler.ioGid());
    return Opaque.newBuilder()
        .setTypeUrl(TYPE_URL)
        .setValue(options.build().toByteString())
        .build();
  }

  @Override
  public Opaque ownedBy(Opaque options, long uid, long gid) {
    if (!options.getTypeUrl().endsWith(TYPE_URL)) {
      return options;
    }
    try {
      Options known = Options.parseFrom(options.getValue());
      return known.getIoUid() != 0 || known.getIoGid() != 0
          ? options
          : options.toBuilder()
              .setValue(
                  known.toBuilder().setIoUid((int) uid).setIoGid((int) gid).build().toByteString())
              .build();
    } catch (InvalidProtocolBufferException e) {
      throw Refusal.invalidArgument("the runtime's options are no " + TYPE_URL).because(e);
    }
  }

  private Optional<RuntimeHandler> find(String runtime) {
    if (runtime.isEmpty()) {
      return Optional.of(config.defaultRuntime());
    }
    RuntimeHandler named = config.runtimes().get(runtime);
    if (named != null) {
      return Optional.of(named);
    }
    if (config.defaultRuntime().type().equals(runtime)) {
      return Optional.of(config.defaultRuntime());
    }
    return config.runtimes().values().stream()
        .filter(h -> h.type().equals(runtime))
        .findFirst()
        .or(
            () ->
                // ctr names runc's own types whatever the configuration calls them.
                runtime.startsWith("io.containerd.runc.")
                        || runtime.equals("io.containerd.retain.v1")
                    ? Optional.of(config.defaultRuntime())
                    : Optional.empty());
  }

  /**
   * The runtime that a container of a pod's handler is recorded with: the handler's name,
   * resolvable again.
   */
  String recordedName(String handler) {
    if (handler.isEmpty()) {
      requireOurs(config.defaultRuntime());
      return config.defaultRuntime().type();
    }
    if (!config.runtimes().containsKey(handler)) {
      throw Refusal.notFound(
          "no runtime for \""
              + handler
              + "\" is configured; the configuration knows "
              + String.join(", ", config.runtimes().keySet()));
    }
    requireOurs(config.runtimes().get(handler));
    return handler;
  }

  /** Who asks for a virtual machine must not get a process. */
  private static void requireOurs(RuntimeHandler handler) {
    if (!handler.servedByOurShim()) {
      throw Refusal.failedPrecondition(
          "runtime \""
              + handler.name()
              + "\" is of type "
              + handler.type()
              + ", which has a shim of its own that is not served here; a runtime with the command"
              + " line of runc can be had with runtime_type io.containerd.runc.v2 and its path as"
              + " BinaryName");
    }
  }

  /** The handler of a pod. */
  RuntimeHandler handler(String name) {
    return name.isEmpty() ? config.defaultRuntime() : config.runtimes().get(name);
  }
}

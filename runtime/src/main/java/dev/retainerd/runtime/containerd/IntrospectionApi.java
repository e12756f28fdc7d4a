package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.store.proto.NodeEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.introspection.v1.IntrospectionGrpc;
import dev.retainerd.wire.containerd.services.introspection.v1.Plugin;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginInfoRequest;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginInfoResponse;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginsRequest;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginsResponse;
import dev.retainerd.wire.containerd.services.introspection.v1.ServerResponse;
import dev.retainerd.wire.containerd.types.Platform;
import dev.retainerd.wire.containerd.types.RuntimeInfo;
import dev.retainerd.wire.containerd.types.RuntimeVersion;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;

/**
 * Tells clients what this server has. Nothing here is a plugin; the list names the parts that
 * clients look for under the names they look for.
 */
public final class IntrospectionApi extends IntrospectionGrpc.IntrospectionImplBase {
  static final Platform HERE =
      Platform.newBuilder().setOs("linux").setArchitecture(architecture()).build();

  private static final List<String> SERVICES =
      List.of(
          "containers",
          "content",
          "diff",
          "events",
          "images",
          "introspection",
          "leases",
          "namespaces",
          "sandbox-controllers",
          "sandboxes",
          "snapshots",
          "streaming",
          "tasks",
          "transfer",
          "version");

  private static final String RUNTIME = "io.containerd.runtime.v2";

  private final Records records;
  private final String version;
  private final List<Plugin> plugins;

  /**
   * @param version of the daemon, and of the shim that comes with it
   * @param snapshotsFolder has a folder for each snapshotter, which some clients want to know
   */
  public IntrospectionApi(
      Records records, String version, String snapshotsFolder, List<String> snapshotters) {
    this.records = records;
    this.version = version;
    var list = new java.util.ArrayList<Plugin>();
    list.add(plugin("io.containerd.content.v1", "content").build());
    for (String snapshotter : snapshotters) {
      list.add(
          plugin("io.containerd.snapshotter.v1", snapshotter)
              .addPlatforms(HERE)
              .putExports("root", snapshotsFolder + "/" + snapshotter)
              .build());
    }
    list.add(plugin("io.containerd.differ.v1", "walking").addPlatforms(HERE).build());
    list.add(plugin(RUNTIME, "task").addPlatforms(HERE).build());
    list.add(plugin("io.containerd.metadata.v1", "bolt").build());
    list.add(plugin("io.containerd.sandbox.controller.v1", "shim").addPlatforms(HERE).build());
    list.add(
        plugin("io.containerd.sandbox.controller.v1", "podsandbox").addPlatforms(HERE).build());
    for (String service : SERVICES) {
      list.add(plugin("io.containerd.grpc.v1", service).build());
    }
    list.add(plugin("io.containerd.grpc.v1", "cri").addPlatforms(HERE).build());
    this.plugins = List.copyOf(list);
  }

  private static Plugin.Builder plugin(String type, String id) {
    return Plugin.newBuilder().setType(type).setId(id);
  }

  private static String architecture() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> "amd64";
      case "aarch64" -> "arm64";
      case String other -> other;
    };
  }

  @Override
  public void plugins(PluginsRequest request, StreamObserver<PluginsResponse> response) {
    Filter filter = Filter.any(request.getFiltersList());
    Calls.answer(
        response,
        () ->
            PluginsResponse.newBuilder()
                .addAllPlugins(plugins.stream().filter(p -> filter.matches(fields(p))).toList())
                .build());
  }

  /** More than the plugin itself is known of the runtime alone. */
  @Override
  public void pluginInfo(PluginInfoRequest request, StreamObserver<PluginInfoResponse> response) {
    Calls.answer(
        response,
        () -> {
          Plugin found =
              plugins.stream()
                  .filter(p -> p.getType().equals(request.getType()))
                  .filter(p -> p.getId().equals(request.getId()))
                  .findFirst()
                  .orElseThrow(
                      () ->
                          Refusal.notFound(
                              "plugin %s.%s not found: not found"
                                  .formatted(request.getType(), request.getId())));
          var reply = PluginInfoResponse.newBuilder().setPlugin(found);
          if (request.hasOptions()) {
            if (!found.getType().equals(RUNTIME)) {
              throw Refusal.unimplemented(
                  "the plugin provides no extra information: not implemented; leave options out");
            }
            reply.setExtra(
                Translation.packed(
                    RuntimeInfo.newBuilder()
                        .setName("io.containerd.runc.v2")
                        .setVersion(RuntimeVersion.newBuilder().setVersion(version))
                        .build()));
          }
          return reply.build();
        });
  }

  private static Fields fields(Plugin plugin) {
    return path ->
        switch (path.getFirst()) {
          case "type" -> Fields.value(plugin.getType());
          case "id" -> Fields.value(plugin.getId());
          default -> Optional.empty();
        };
  }

  @Override
  public void server(Empty request, StreamObserver<ServerResponse> response) {
    Calls.answer(
        response,
        () ->
            ServerResponse.newBuilder()
                .setUuid(nodeId())
                .setPid(ProcessHandle.current().pid())
                .build());
  }

  private String nodeId() {
    var ids = new java.util.ArrayList<String>(1);
    records.state().forEach(Kind.NODE, (key, node) -> ids.add(((NodeEntry) node).getNodeId()));
    return ids.isEmpty() ? "" : ids.getFirst();
  }
}

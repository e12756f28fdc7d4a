package dev.retainerd.runtime.ctl.record;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.introspection.v1.IntrospectionGrpc;
import dev.retainerd.wire.containerd.services.introspection.v1.Plugin;
import dev.retainerd.wire.containerd.services.introspection.v1.PluginsRequest;
import dev.retainerd.wire.containerd.types.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl plugins}: the daemon's parts, by the names that clients look for. */
public final class PluginVerbs {

  private PluginVerbs() {}

  /** Lists them. */
  @Command(name = "list", description = "lists the daemon's plugins")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the plugin ids")
    boolean quiet;

    @Option(
        names = {"-d", "--detailed"},
        description = "print detailed information about each plugin")
    boolean detailed;

    @Parameters(paramLabel = "FILTER")
    List<String> filters = new ArrayList<>();

    @Override
    protected int run(Session session) {
      List<Plugin> plugins =
          session
              .bounded(IntrospectionGrpc.newBlockingStub(session.channel()))
              .plugins(PluginsRequest.newBuilder().addAllFilters(filters).build())
              .getPluginsList();
      if (quiet) {
        plugins.forEach(one -> session.println(one.getId()));
      } else if (detailed) {
        plugins.forEach(one -> print(session, one));
      } else {
        Table table = Table.narrow("TYPE", "ID", "PLATFORMS", "STATUS");
        plugins.forEach(
            one -> table.row(one.getType(), one.getId(), orDash(platforms(one)), status(one)));
        table.print(session.out());
      }
      return 0;
    }

    private static void print(Session session, Plugin plugin) {
      session.println("Type:       " + plugin.getType());
      session.println("ID:         " + plugin.getId());
      if (plugin.getRequiresCount() > 0) {
        session.println("Requires:   " + String.join(", ", plugin.getRequiresList()));
      }
      if (plugin.getPlatformsCount() > 0) {
        session.println("Platforms:  " + platforms(plugin));
      }
      plugin
          .getExportsMap()
          .forEach((name, value) -> session.println("Exports:    " + name + " = " + value));
      if (plugin.hasInitErr()) {
        session.println("Error:      " + plugin.getInitErr().getMessage());
      }
      session.println("");
    }

    private static String platforms(Plugin plugin) {
      return plugin.getPlatformsList().stream().map(Ls::name).collect(Collectors.joining(","));
    }

    private static String name(Platform platform) {
      String variant = platform.getVariant().isEmpty() ? "" : "/" + platform.getVariant();
      return platform.getOs() + "/" + platform.getArchitecture() + variant;
    }

    private static String orDash(String text) {
      return text.isEmpty() ? "-" : text;
    }

    private static String status(Plugin plugin) {
      return plugin.hasInitErr() ? "error" : "ok";
    }
  }
}

package dev.retainerd.runtime.ctl.record;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.FieldMask;
import dev.retainerd.runtime.ctl.command.Labels;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Table;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.services.namespaces.v1.CreateNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.DeleteNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.ListNamespacesRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.Namespace;
import dev.retainerd.wire.containerd.services.namespaces.v1.NamespacesGrpc;
import dev.retainerd.wire.containerd.services.namespaces.v1.UpdateNamespaceRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code retainctl namespaces}. */
public final class NamespaceVerbs {

  private NamespaceVerbs() {}

  private static NamespacesGrpc.NamespacesBlockingStub stub(Session session) {
    return session.bounded(NamespacesGrpc.newBlockingStub(session.channel()));
  }

  /** Lists them. */
  @Command(name = "list", description = "list namespaces")
  public static final class Ls extends Verb {
    @Option(
        names = {"-q", "--quiet"},
        description = "print only the namespace name")
    boolean quiet;

    @Override
    protected int run(Session session) {
      List<Namespace> all =
          stub(session).list(ListNamespacesRequest.getDefaultInstance()).getNamespacesList();
      if (session.json()) {
        JsonArray list = new JsonArray();
        for (Namespace one : all) {
          JsonObject tree = new JsonObject();
          tree.addProperty("Name", one.getName());
          tree.add("Labels", Trees.of(one.getLabelsMap()));
          list.add(tree);
        }
        session.print(list);
        return 0;
      }
      Table table = Table.narrow("NAME", "LABELS");
      for (Namespace one : all) {
        if (quiet) {
          session.println(one.getName());
        }
        table.row(one.getName(), one.getLabelsCount() == 0 ? "" : Labels.text(one.getLabelsMap()));
      }
      if (!quiet) {
        table.print(session.out());
      }
      return 0;
    }
  }

  /** Creates one. */
  @Command(name = "create", description = "create a new namespace")
  public static final class Create extends Verb {
    @Parameters(index = "0", paramLabel = "NAMESPACE")
    String name;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Namespace wanted =
          Namespace.newBuilder().setName(name).putAllLabels(Labels.parse(labels)).build();
      stub(session).create(CreateNamespaceRequest.newBuilder().setNamespace(wanted).build());
      return 0;
    }
  }

  /** Sets and clears labels. */
  @Command(name = "label", description = "set and clear labels for a namespace")
  public static final class Label extends Verb {
    @Parameters(index = "0", paramLabel = "NAMESPACE")
    String name;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "KEY=VALUE")
    List<String> labels = new ArrayList<>();

    @Override
    protected int run(Session session) {
      Map<String, String> wanted = Labels.parse(labels);
      FieldMask.Builder mask = FieldMask.newBuilder();
      wanted.keySet().forEach(key -> mask.addPaths("labels." + key));
      stub(session)
          .update(
              UpdateNamespaceRequest.newBuilder()
                  .setNamespace(Namespace.newBuilder().setName(name).putAllLabels(wanted))
                  .setUpdateMask(mask)
                  .build());
      return 0;
    }
  }

  /** Removes some. */
  @Command(name = "remove", description = "remove one or more namespaces")
  public static final class Rm extends Verb {
    @Option(
        names = {"-c", "--cgroup"},
        hidden = true,
        description = "accepted for ctr's sake; cgroups go with their containers")
    boolean cgroup;

    @Parameters(arity = "1..*", paramLabel = "NAMESPACE")
    List<String> names;

    @Override
    protected int run(Session session) {
      return Trees.each(
          session,
          names,
          name -> {
            stub(session).delete(DeleteNamespaceRequest.newBuilder().setName(name).build());
            session.println(name);
          });
    }
  }
}

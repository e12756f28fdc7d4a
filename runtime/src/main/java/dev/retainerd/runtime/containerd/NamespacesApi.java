package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.NamespaceCreatedPayload;
import dev.retainerd.eventlog.proto.NamespaceDeletedPayload;
import dev.retainerd.eventlog.proto.NamespaceUpdatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.MaskedMap;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.NamespaceEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.namespaces.v1.CreateNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.CreateNamespaceResponse;
import dev.retainerd.wire.containerd.services.namespaces.v1.DeleteNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.GetNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.GetNamespaceResponse;
import dev.retainerd.wire.containerd.services.namespaces.v1.ListNamespacesRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.ListNamespacesResponse;
import dev.retainerd.wire.containerd.services.namespaces.v1.Namespace;
import dev.retainerd.wire.containerd.services.namespaces.v1.NamespacesGrpc;
import dev.retainerd.wire.containerd.services.namespaces.v1.UpdateNamespaceRequest;
import dev.retainerd.wire.containerd.services.namespaces.v1.UpdateNamespaceResponse;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Namespaces: made, labelled and, when nothing is left in them, deleted. */
public final class NamespacesApi extends NamespacesGrpc.NamespacesImplBase {
  /** What keeps a namespace from being deleted, by the word clients know for it. */
  private static final Map<Kind<?>, String> OCCUPANTS =
      Map.of(
          Kind.IMAGE, "images",
          Kind.CONTENT, "blobs",
          Kind.CONTAINER, "containers",
          Kind.SANDBOX, "sandboxes",
          Kind.GROUP_RECORD, "sandboxes",
          Kind.GROUP, "sandboxes",
          Kind.SNAPSHOT, "snapshots");

  private final Records records;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public NamespacesApi(Records records) {
    this.records = records;
  }

  /**
   * A namespace that nobody made yet has no labels, and is no error: containerd answers so, and its
   * client library asks for the labels of its default namespace whenever it connects.
   */
  @Override
  public void get(GetNamespaceRequest request, StreamObserver<GetNamespaceResponse> response) {
    String name = request.getName();
    Calls.answer(
        response,
        () ->
            GetNamespaceResponse.newBuilder()
                .setNamespace(
                    records
                        .state()
                        .get(Namespaces.key(name))
                        .map(NamespacesApi::wire)
                        .orElseGet(() -> Namespace.newBuilder().setName(name).build()))
                .build());
  }

  @Override
  public void list(ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> response) {
    Calls.answer(
        response,
        () -> {
          var reply = ListNamespacesResponse.newBuilder();
          records.state().forEach(Kind.NAMESPACE, (key, entry) -> reply.addNamespaces(wire(entry)));
          return reply.build();
        });
  }

  @Override
  public void create(
      CreateNamespaceRequest request, StreamObserver<CreateNamespaceResponse> response) {
    Namespace wanted = request.getNamespace();
    String name = Identifiers.check("namespace", wanted.getName());
    Identifiers.checkLabels(wanted.getLabelsMap());
    exclusion.answer(
        response,
        "",
        name,
        () -> {
          if (records.state().get(Namespaces.key(name)).isPresent()) {
            throw Refusal.alreadyExists("namespace \"" + name + "\" already exists");
          }
          records.commit(
              "",
              new Event.NamespaceCreated(
                  NamespaceCreatedPayload.newBuilder()
                      .setName(name)
                      .putAllLabels(wanted.getLabelsMap())
                      .build()));
          return CreateNamespaceResponse.newBuilder().setNamespace(wanted).build();
        });
  }

  @Override
  public void update(
      UpdateNamespaceRequest request, StreamObserver<UpdateNamespaceResponse> response) {
    Namespace wanted = request.getNamespace();
    List<String> mask = request.getUpdateMask().getPathsList();
    for (String path : mask) {
      if (!path.startsWith("labels.")) {
        throw Refusal.invalidArgument(
            "cannot update the field \"%s\" of a namespace, only labels.KEY".formatted(path));
      }
    }
    exclusion.answer(
        response,
        "",
        wanted.getName(),
        () -> {
          NamespaceEntry before = existing(wanted.getName());
          var labels =
              Identifiers.checkLabels(
                  MaskedMap.labels(before.getLabelsMap(), wanted.getLabelsMap(), "labels", mask));
          records.commit(
              "",
              new Event.NamespaceUpdated(
                  NamespaceUpdatedPayload.newBuilder()
                      .setName(wanted.getName())
                      .putAllLabels(labels)
                      .build()));
          return UpdateNamespaceResponse.newBuilder()
              .setNamespace(wire(existing(wanted.getName())))
              .build();
        });
  }

  @Override
  public void delete(DeleteNamespaceRequest request, StreamObserver<Empty> response) {
    String name = request.getName();
    exclusion.answer(
        response,
        "",
        name,
        () -> {
          existing(name);
          TreeSet<String> left = new TreeSet<>();
          OCCUPANTS.forEach(
              (kind, word) ->
                  records.state().forEach(kind, name, "", (id, entry) -> left.add(word)));
          if (!left.isEmpty()) {
            throw Refusal.failedPrecondition(
                "namespace \"%s\" must be empty, but it still has %s: delete these first"
                    .formatted(name, String.join(", ", left)));
          }
          records.commit(
              "",
              new Event.NamespaceDeleted(
                  NamespaceDeletedPayload.newBuilder().setName(name).build()));
          return Empty.getDefaultInstance();
        });
  }

  private NamespaceEntry existing(String name) {
    return records
        .state()
        .get(Namespaces.key(name))
        .orElseThrow(() -> Refusal.notFound("namespace \"" + name + "\" not found"));
  }

  private static Namespace wire(NamespaceEntry entry) {
    return Namespace.newBuilder()
        .setName(entry.getName())
        .putAllLabels(entry.getLabelsMap())
        .build();
  }
}

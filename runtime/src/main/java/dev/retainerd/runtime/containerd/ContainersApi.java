package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.ContainerCreatedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.ContainerRemovedPayload;
import dev.retainerd.eventlog.proto.ContainerUpdatedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.SpecEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ContainersGrpc;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.CreateContainerResponse;
import dev.retainerd.wire.containerd.services.containers.v1.DeleteContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.GetContainerResponse;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainerMessage;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersRequest;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersResponse;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerResponse;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;

/**
 * Container records. Those made here have no side effects: a record is a description, and a task
 * makes it real. Those made over CRI show too, under the namespace k8s.io, but only CRI may remove
 * them.
 */
public final class ContainersApi extends ContainersGrpc.ContainersImplBase {
  private final Records records;
  private final Namespaces namespaces;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public ContainersApi(Records records, Namespaces namespaces) {
    this.records = records;
    this.namespaces = namespaces;
  }

  @Override
  public void get(GetContainerRequest request, StreamObserver<GetContainerResponse> response) {
    Calls.answer(
        response,
        () ->
            GetContainerResponse.newBuilder()
                .setContainer(wire(CallContext.namespace(), request.getId()))
                .build());
  }

  @Override
  public void list(ListContainersRequest request, StreamObserver<ListContainersResponse> response) {
    Calls.answer(
        response,
        () -> {
          String namespace = CallContext.namespace();
          var reply = ListContainersResponse.newBuilder();
          for (ContainerRecord record : selected(namespace, request.getFiltersList())) {
            reply.addContainers(withSpec(namespace, record));
          }
          return reply.build();
        });
  }

  @Override
  public void listStream(
      ListContainersRequest request, StreamObserver<ListContainerMessage> response) {
    String namespace = CallContext.namespace();
    List<ContainerRecord> selected = selected(namespace, request.getFiltersList());
    ServerStream.start(
        response,
        "containers-list",
        stream -> {
          for (ContainerRecord record : selected) {
            stream.send(
                ListContainerMessage.newBuilder()
                    .setContainer(withSpec(namespace, record))
                    .build());
          }
        });
  }

  private List<ContainerRecord> selected(String namespace, List<String> filters) {
    Filter filter = Filter.any(filters);
    List<ContainerRecord> found = new ArrayList<>();
    Candidates.forEach(
        records.state(),
        Kind.CONTAINER,
        namespace,
        filter,
        "id",
        (id, entry) -> {
          ContainerRecord record = entry.getContainer();
          if (isThere(entry) && filter.matches(ContainerTranslation.fields(record))) {
            found.add(record);
          }
        });
    return found;
  }

  @Override
  public void create(
      CreateContainerRequest request, StreamObserver<CreateContainerResponse> response) {
    ContainerRecord record =
        ContainerTranslation.checked(ContainerTranslation.record(request.getContainer()));
    Calls.answer(
        response,
        () -> {
          String namespace = namespaces.forWriting();
          return exclusion.on(
              namespace,
              record.getId(),
              () -> {
                if (find(namespace, record.getId()) != null) {
                  throw Refusal.alreadyExists(
                      "container \"" + record.getId() + "\" already exists");
                }
                long now = Translation.nowNanos();
                records.commit(
                    namespace,
                    new Event.ContainerCreated(
                        ContainerCreatedPayload.newBuilder()
                            .setContainer(
                                record.toBuilder().setCreatedAtNanos(now).setUpdatedAtNanos(now))
                            .build()));
                return CreateContainerResponse.newBuilder()
                    .setContainer(wire(namespace, record.getId()))
                    .build();
              });
        });
  }

  @Override
  public void update(
      UpdateContainerRequest request, StreamObserver<UpdateContainerResponse> response) {
    Container wanted = request.getContainer();
    String namespace = CallContext.namespace();
    Identifiers.check("container", wanted.getId());
    exclusion.answer(
        response,
        namespace,
        wanted.getId(),
        () -> {
          ContainerRecord before = existing(namespace, wanted.getId()).getContainer();
          ContainerRecord after =
              ContainerTranslation.updated(
                  before, spec(namespace, before), wanted, request.getUpdateMask());
          records.commit(
              namespace,
              new Event.ContainerUpdated(
                  ContainerUpdatedPayload.newBuilder().setContainer(after).build()));
          return UpdateContainerResponse.newBuilder()
              .setContainer(wire(namespace, wanted.getId()))
              .build();
        });
  }

  @Override
  public void delete(DeleteContainerRequest request, StreamObserver<Empty> response) {
    String id = request.getId();
    String namespace = CallContext.namespace();
    exclusion.answer(
        response,
        namespace,
        id,
        () -> {
          ContainerEntry entry = existing(namespace, id);
          if (entry.getContainer().hasCri()) {
            throw Refusal.failedPrecondition(
                "container \"%s\" belongs to a pod: remove it over CRI (crictl rm %s)"
                    .formatted(id, id));
          }
          if (records.state().get(Kind.TASK.key(namespace, id)).isPresent()) {
            throw Refusal.failedPrecondition(
                "container \"%s\" still has a task: delete the task first (ctr t rm %s)"
                    .formatted(id, id));
          }
          records.commit(
              namespace,
              new Event.ContainerRemoved(ContainerRemovedPayload.newBuilder().setId(id).build()));
          return Empty.getDefaultInstance();
        });
  }

  /** A container under creation over CRI is not there yet for anybody else. */
  private static boolean isThere(ContainerEntry entry) {
    return entry.getPhase() != ContainerPhase.CONTAINER_PHASE_CREATING;
  }

  private ContainerEntry find(String namespace, String id) {
    return records.state().get(Kind.CONTAINER.key(namespace, id)).orElse(null);
  }

  private ContainerEntry existing(String namespace, String id) {
    ContainerEntry entry = find(namespace, id);
    if (entry == null || !isThere(entry)) {
      throw Refusal.notFound(
          "container \"%s\" in namespace \"%s\" not found".formatted(id, namespace));
    }
    return entry;
  }

  private SpecEntry spec(String namespace, ContainerRecord record) {
    return records
        .state()
        .get(Kind.SPEC.key(namespace, record.getId()))
        .orElse(SpecEntry.getDefaultInstance());
  }

  private Container wire(String namespace, String id) {
    return withSpec(namespace, existing(namespace, id).getContainer());
  }

  private Container withSpec(String namespace, ContainerRecord record) {
    return ContainerTranslation.wire(record, spec(namespace, record).getSpec());
  }
}

package dev.retainerd.runtime.containerd;

import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.GroupRecord;
import dev.retainerd.eventlog.proto.GroupRecordDeletedPayload;
import dev.retainerd.eventlog.proto.GroupRecordUpdatedPayload;
import dev.retainerd.eventlog.proto.GroupRecordedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.store.proto.GroupRecordEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreCreateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreCreateResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreDeleteRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreDeleteResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreGetRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreGetResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreGrpc;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreListRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreListResponse;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreUpdateRequest;
import dev.retainerd.wire.containerd.services.sandbox.v1.StoreUpdateResponse;
import dev.retainerd.wire.containerd.types.Sandbox;
import io.grpc.stub.StreamObserver;
import java.util.Optional;

/**
 * Records of sandboxes. Pods made over CRI show here too, as with containerd 2, and only CRI
 * changes them. What of a sandbox runs is the controller's.
 */
public final class SandboxStoreApi extends StoreGrpc.StoreImplBase {
  private final Records records;
  private final Namespaces namespaces;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public SandboxStoreApi(Records records, Namespaces namespaces) {
    this.records = records;
    this.namespaces = namespaces;
  }

  @Override
  public void create(StoreCreateRequest request, StreamObserver<StoreCreateResponse> response) {
    GroupRecord record = SandboxTranslation.checked(request.getSandbox());
    Calls.answer(
        response,
        () -> {
          String namespace = namespaces.forWriting();
          return exclusion.on(
              namespace,
              record.getId(),
              () -> {
                if (find(namespace, record.getId()).isPresent()) {
                  throw Refusal.alreadyExists(
                      "sandbox \"" + record.getId() + "\" already exists: already exists");
                }
                long now = Translation.nowNanos();
                records.commit(
                    namespace,
                    new Event.GroupRecorded(
                        GroupRecordedPayload.newBuilder()
                            .setGroup(
                                record.toBuilder().setCreatedAtNanos(now).setUpdatedAtNanos(now))
                            .build()));
                return StoreCreateResponse.newBuilder()
                    .setSandbox(existing(namespace, record.getId()))
                    .build();
              });
        });
  }

  @Override
  public void update(StoreUpdateRequest request, StreamObserver<StoreUpdateResponse> response) {
    String namespace = CallContext.namespace();
    String id = request.getSandbox().getSandboxId();
    exclusion.answer(
        response,
        namespace,
        id,
        () -> {
          GroupRecord before = own(namespace, id);
          GroupRecord after =
              SandboxTranslation.updated(before, request.getSandbox(), request.getFieldsList());
          records.commit(
              namespace,
              new Event.GroupRecordUpdated(
                  GroupRecordUpdatedPayload.newBuilder()
                      .setGroup(after.toBuilder().setUpdatedAtNanos(Translation.nowNanos()))
                      .build()));
          return StoreUpdateResponse.newBuilder().setSandbox(existing(namespace, id)).build();
        });
  }

  @Override
  public void delete(StoreDeleteRequest request, StreamObserver<StoreDeleteResponse> response) {
    String namespace = CallContext.namespace();
    String id = request.getSandboxId();
    exclusion.answer(
        response,
        namespace,
        id,
        () -> {
          own(namespace, id);
          records.commit(
              namespace,
              new Event.GroupRecordDeleted(
                  GroupRecordDeletedPayload.newBuilder().setId(id).build()));
          return StoreDeleteResponse.getDefaultInstance();
        });
  }

  @Override
  public void list(StoreListRequest request, StreamObserver<StoreListResponse> response) {
    Filter filter = Filter.any(request.getFiltersList());
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          var reply = StoreListResponse.newBuilder();
          records
              .state()
              .forEach(
                  Kind.GROUP_RECORD,
                  namespace,
                  "",
                  (id, entry) -> add(reply, filter, SandboxTranslation.wire(entry.getGroup())));
          records
              .state()
              .forEach(
                  Kind.SANDBOX,
                  namespace,
                  "",
                  (id, pod) -> add(reply, filter, SandboxTranslation.wire(pod)));
          return reply.build();
        });
  }

  private static void add(StoreListResponse.Builder reply, Filter filter, Sandbox sandbox) {
    if (filter.matches(SandboxTranslation.fields(sandbox))) {
      reply.addList(sandbox);
    }
  }

  @Override
  public void get(StoreGetRequest request, StreamObserver<StoreGetResponse> response) {
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () ->
            StoreGetResponse.newBuilder()
                .setSandbox(existing(namespace, request.getSandboxId()))
                .build());
  }

  private Optional<Sandbox> find(String namespace, String id) {
    Optional<Sandbox> recorded =
        records
            .state()
            .get(Kind.GROUP_RECORD.key(namespace, id))
            .map(GroupRecordEntry::getGroup)
            .map(SandboxTranslation::wire);
    return recorded.isPresent()
        ? recorded
        : records.state().get(Kind.SANDBOX.key(namespace, id)).map(SandboxTranslation::wire);
  }

  private Sandbox existing(String namespace, String id) {
    return find(namespace, id).orElseThrow(() -> notFound(id));
  }

  private static Refusal notFound(String id) {
    return Refusal.notFound("sandbox \"" + id + "\" is not recorded: not found");
  }

  /** The record of a client; refused for a pod. */
  private GroupRecord own(String namespace, String id) {
    Optional<GroupRecordEntry> recorded = records.state().get(Kind.GROUP_RECORD.key(namespace, id));
    if (recorded.isEmpty() && records.state().get(Kind.SANDBOX.key(namespace, id)).isPresent()) {
      throw Refusal.failedPrecondition(
          "sandbox \"" + id + "\" is a pod made over CRI; change or remove it there");
    }
    return recorded.orElseThrow(() -> notFound(id)).getGroup();
  }
}

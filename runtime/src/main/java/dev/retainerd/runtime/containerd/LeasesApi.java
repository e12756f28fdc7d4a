package dev.retainerd.runtime.containerd;

import com.google.protobuf.Empty;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.LeaseCreatedPayload;
import dev.retainerd.eventlog.proto.LeaseDeletedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceRemovedPayload;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.filter.Fields;
import dev.retainerd.runtime.filter.Filter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.Identifiers;
import dev.retainerd.store.proto.LeaseEntry;
import dev.retainerd.store.state.Kind;
import dev.retainerd.wire.containerd.services.leases.v1.AddResourceRequest;
import dev.retainerd.wire.containerd.services.leases.v1.CreateRequest;
import dev.retainerd.wire.containerd.services.leases.v1.CreateResponse;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteRequest;
import dev.retainerd.wire.containerd.services.leases.v1.DeleteResourceRequest;
import dev.retainerd.wire.containerd.services.leases.v1.Lease;
import dev.retainerd.wire.containerd.services.leases.v1.LeasesGrpc;
import dev.retainerd.wire.containerd.services.leases.v1.ListRequest;
import dev.retainerd.wire.containerd.services.leases.v1.ListResourcesRequest;
import dev.retainerd.wire.containerd.services.leases.v1.ListResourcesResponse;
import dev.retainerd.wire.containerd.services.leases.v1.ListResponse;
import dev.retainerd.wire.containerd.services.leases.v1.Resource;
import io.grpc.stub.StreamObserver;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;

/** Leases: named promises to keep content and snapshots while a client works on them. */
public final class LeasesApi extends LeasesGrpc.LeasesImplBase {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Records records;
  private final Namespaces namespaces;
  private final Calls.Exclusion exclusion = new Calls.Exclusion();

  public LeasesApi(Records records, Namespaces namespaces) {
    this.records = records;
    this.namespaces = namespaces;
  }

  @Override
  public void create(CreateRequest request, StreamObserver<CreateResponse> response) {
    String id = request.getId().isEmpty() ? randomId() : request.getId();
    Identifiers.checkLabels(request.getLabelsMap());
    Calls.answer(
        response,
        () -> {
          String namespace = namespaces.forWriting();
          return exclusion.on(
              namespace,
              id,
              () -> {
                if (records.state().get(Kind.LEASE.key(namespace, id)).isPresent()) {
                  throw Refusal.alreadyExists("lease \"" + id + "\" already exists");
                }
                var lease =
                    LeaseCreatedPayload.newBuilder()
                        .setId(id)
                        .putAllLabels(request.getLabelsMap())
                        .setCreatedAtNanos(Translation.nowNanos())
                        .build();
                records.commit(namespace, new Event.LeaseCreated(lease));
                return CreateResponse.newBuilder().setLease(wire(existing(namespace, id))).build();
              });
        });
  }

  private static String randomId() {
    byte[] bytes = new byte[8];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  @Override
  public void delete(DeleteRequest request, StreamObserver<Empty> response) {
    String namespace = CallContext.namespace();
    exclusion.answer(
        response,
        namespace,
        request.getId(),
        () -> {
          existing(namespace, request.getId());
          records.commit(
              namespace,
              new Event.LeaseDeleted(
                  LeaseDeletedPayload.newBuilder().setId(request.getId()).build()));
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void list(ListRequest request, StreamObserver<ListResponse> response) {
    Filter filter = Filter.any(request.getFiltersList());
    Calls.answer(
        response,
        () -> {
          var reply = ListResponse.newBuilder();
          records
              .state()
              .forEach(
                  Kind.LEASE,
                  CallContext.namespace(),
                  "",
                  (id, lease) -> {
                    if (filter.matches(fields(lease))) {
                      reply.addLeases(wire(lease));
                    }
                  });
          return reply.build();
        });
  }

  private static Fields fields(LeaseEntry lease) {
    return path ->
        switch (path.getFirst()) {
          case "id" -> Fields.value(lease.getId());
          case "labels" -> Fields.entry(lease.getLabelsMap(), path);
          default -> Optional.empty();
        };
  }

  @Override
  public void addResource(AddResourceRequest request, StreamObserver<Empty> response) {
    checkType(request.getResource());
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          existing(namespace, request.getId());
          records.commit(
              namespace,
              new Event.LeaseResourceAdded(
                  LeaseResourceAddedPayload.newBuilder()
                      .setId(request.getId())
                      .setResourceId(request.getResource().getId())
                      .setResourceType(request.getResource().getType())
                      .build()));
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void deleteResource(DeleteResourceRequest request, StreamObserver<Empty> response) {
    checkType(request.getResource());
    String namespace = CallContext.namespace();
    Calls.answer(
        response,
        () -> {
          existing(namespace, request.getId());
          records.commit(
              namespace,
              new Event.LeaseResourceRemoved(
                  LeaseResourceRemovedPayload.newBuilder()
                      .setId(request.getId())
                      .setResourceId(request.getResource().getId())
                      .setResourceType(request.getResource().getType())
                      .build()));
          return Empty.getDefaultInstance();
        });
  }

  @Override
  public void listResources(
      ListResourcesRequest request, StreamObserver<ListResourcesResponse> response) {
    Calls.answer(
        response,
        () -> {
          var reply = ListResourcesResponse.newBuilder();
          for (var held : existing(CallContext.namespace(), request.getId()).getResourcesList()) {
            reply.addResources(Resource.newBuilder().setId(held.getId()).setType(held.getType()));
          }
          return reply.build();
        });
  }

  private static void checkType(Resource resource) {
    String type = resource.getType();
    boolean known =
        type.equals("content")
            || type.equals("ingests")
            || (type.startsWith("snapshots/") && type.indexOf('/') == type.lastIndexOf('/'));
    if (!known) {
      String sentence =
          "a lease cannot hold the resource type \"%s\", only content, ingests and snapshots/NAME"
              .formatted(type);
      throw type.equals("snapshots") || type.startsWith("snapshots/")
          ? Refusal.invalidArgument(sentence)
          : Refusal.unimplemented(sentence);
    }
  }

  private LeaseEntry existing(String namespace, String id) {
    return records
        .state()
        .get(Kind.LEASE.key(namespace, id))
        .orElseThrow(() -> Refusal.notFound("lease \"" + id + "\" not found"));
  }

  private static Lease wire(LeaseEntry entry) {
    return Lease.newBuilder()
        .setId(entry.getId())
        .putAllLabels(entry.getLabelsMap())
        .setCreatedAt(Translation.timestamp(entry.getCreatedAtNanos()))
        .build();
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.Actor;
import dev.retainerd.eventlog.EnvelopeDraft;
import dev.retainerd.eventlog.EventLog;
import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.chronicle.ChronicleEventLog;
import dev.retainerd.eventlog.event.Event;
import dev.retainerd.eventlog.proto.SandboxCreatedPayload;
import dev.retainerd.eventlog.proto.SandboxCreatingPayload;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.wire.cri.v1.ContainerState;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Case 12: two pods of one name in the state, at which a peer does not start any more. */
@Tag("real")
class DuplicateNameAtStartTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @Test
  void theSecondIsSetAsideAndReportedAndTheFirstGoesOn() throws Exception {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      node.importImage("k8s.io");
      String first = pods.run("p");
      String container = pods.start(first, "p", "c", Pods.COUNTER);
      node.stopDaemon();
      String second = "d".repeat(64);
      inject(node, pods, second);

      node.start();
      Eventually.holds(
          "one pod of the name",
          PATIENCE,
          () -> listed(node).stream().map(PodSandbox::getId).toList().equals(List.of(first)));
      assertEquals(ContainerState.CONTAINER_RUNNING, pods.status(container).getState());
      assertEquals(first, pods.run("p"));
      List<String> said = new History(node).sentences(1, "LeftoverRemoved");
      assertTrue(said.stream().anyMatch(s -> s.contains(second)), said.toString());
      pods.removePod(first);
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }

  private static List<PodSandbox> listed(Node node) {
    return node.cri().listPodSandbox(ListPodSandboxRequest.getDefaultInstance()).getItemsList();
  }

  /** Writes what no daemon would: a second pod with the first one's name. */
  private static void inject(Node node, Pods pods, String id) throws Exception {
    var config = pods.config("p");
    SandboxRecord record =
        SandboxRecord.newBuilder()
            .setId(id)
            .setName(config.getMetadata().getName())
            .setPodNamespace(config.getMetadata().getNamespace())
            .setUid(config.getMetadata().getUid())
            .setConfig(config.toByteString())
            .setCgroupParent(config.getLinux().getCgroupParent())
            .build();
    try (EventLog log = ChronicleEventLog.open(LogOptions.standard(node.root().resolve("log")))) {
      log.append(
          List.of(
              draft(
                  new Event.SandboxCreating(
                      SandboxCreatingPayload.newBuilder().setSandbox(record).build())),
              draft(
                  new Event.SandboxCreated(SandboxCreatedPayload.newBuilder().setId(id).build()))));
      log.force();
    }
  }

  private static EnvelopeDraft draft(Event event) {
    return new EnvelopeDraft(
        "k8s.io",
        event.subject(),
        Actor.daemon(),
        "",
        0,
        event.type().number(),
        event.type().schemaVersion(),
        event.payload().toByteArray());
  }
}

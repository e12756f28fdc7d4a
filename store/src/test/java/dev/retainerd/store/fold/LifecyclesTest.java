package dev.retainerd.store.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.event.EventType;
import dev.retainerd.store.proto.ContainerPhase;
import dev.retainerd.store.proto.SandboxPhase;
import dev.retainerd.store.proto.TaskPhase;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LifecyclesTest {

  @Test
  void anIllegalTransitionNamesThingPhaseAndEvent() {
    IllegalTransitionException e =
        assertThrows(
            IllegalTransitionException.class,
            () ->
                Lifecycles.TASK.next(
                    "web", Optional.of(TaskPhase.TASK_PHASE_STOPPED), EventType.TASK_STARTED));
    assertEquals("task web is STOPPED, which event TaskStarted does not allow", e.getMessage());
  }

  @Test
  void aRecordMadeOverContainerdsApiBeginsCreatedAndMayGoAtOnce() {
    Optional<ContainerPhase> created =
        Lifecycles.CONTAINER.next("c", Optional.empty(), EventType.CONTAINER_CREATED);
    assertEquals(Optional.of(ContainerPhase.CONTAINER_PHASE_CREATED), created);
    assertEquals(
        Optional.empty(), Lifecycles.CONTAINER.next("c", created, EventType.CONTAINER_REMOVED));
  }

  @Test
  void aProcessEndsOnce() {
    assertTrue(
        Lifecycles.TASK.allows(Optional.of(TaskPhase.TASK_PHASE_RUNNING), EventType.TASK_EXITED));
    assertEquals(
        false,
        Lifecycles.TASK.allows(Optional.of(TaskPhase.TASK_PHASE_STOPPED), EventType.TASK_EXITED));
  }

  @Test
  void aRebootStopsAReadySandboxWithoutBeingAsked() {
    assertEquals(
        Optional.of(SandboxPhase.SANDBOX_PHASE_STOPPED),
        Lifecycles.SANDBOX.next(
            "p", Optional.of(SandboxPhase.SANDBOX_PHASE_READY), EventType.SANDBOX_STOPPED));
  }
}

package dev.retainerd.store.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.store.proto.ContainerEntry;
import dev.retainerd.store.proto.SandboxEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TermIndexTest {
  private static final String NAMESPACE = "k8s.io";

  private static Key<ContainerEntry> key(String namespace, int id) {
    return Kind.CONTAINER.key(namespace, "c" + id);
  }

  private static ContainerEntry container(int id, Random random) {
    ContainerRecord.Builder record = ContainerRecord.newBuilder().setId("c" + id);
    for (int i = random.nextInt(4); i > 0; i--) {
      record.putLabels("k" + random.nextInt(3), "v" + random.nextInt(2));
    }
    if (random.nextBoolean()) {
      record.setSandboxId("p" + random.nextInt(3));
    }
    return ContainerEntry.newBuilder().setContainer(record).build();
  }

  private static List<String> found(StateView view, String namespace, Term term) {
    List<String> ids = new ArrayList<>();
    view.forEach(Kind.CONTAINER, namespace, term, (id, entry) -> ids.add(id));
    return ids;
  }

  /** An overlay looks at every entry, and so says what the index must find. */
  @Test
  void findsWhatLookingAtEverythingFinds() {
    for (long seed = 1; seed <= 20; seed++) {
      Random random = new Random(seed);
      NodeState state = NodeState.inMemory();
      for (int step = 0; step < 600; step++) {
        Key<ContainerEntry> key =
            key(random.nextBoolean() ? NAMESPACE : "other", random.nextInt(120));
        Delta<ContainerEntry> delta =
            random.nextInt(4) == 0
                ? Delta.remove(key)
                : Delta.put(key, container(Integer.parseInt(key.id().substring(1)), random));
        state.apply(step, List.of(delta));
        if (step % 20 == 0) {
          expectAsByLooking(state, "seed " + seed + ", step " + step);
        }
      }
    }
  }

  private static void expectAsByLooking(NodeState state, String what) {
    Overlay looking = new Overlay(state);
    List<Term> terms = new ArrayList<>();
    for (int k = 0; k < 3; k++) {
      terms.add(Term.inPod("p" + k));
      for (int v = 0; v < 3; v++) {
        terms.add(Term.label("k" + k, "v" + v));
      }
    }
    for (String namespace : List.of(NAMESPACE, "other", "none")) {
      for (Term term : terms) {
        assertEquals(found(looking, namespace, term), found(state, namespace, term), what);
      }
    }
  }

  @Test
  void aChangeBesideTheTermsLeavesThemAsTheyAre() {
    NodeState state = NodeState.inMemory();
    ContainerEntry entry =
        ContainerEntry.newBuilder()
            .setContainer(ContainerRecord.newBuilder().setId("c1").putLabels("a", "b"))
            .build();
    state.apply(1, List.of(Delta.put(key(NAMESPACE, 1), entry)));
    ContainerEntry ran = entry.toBuilder().setLastRun(entry.getLastRun()).build();
    state.apply(2, List.of(Delta.put(key(NAMESPACE, 1), ran)));
    assertEquals(List.of("c1"), found(state, NAMESPACE, Term.label("a", "b")));
    state.apply(3, List.of(Delta.remove(key(NAMESPACE, 1))));
    assertEquals(List.of(), found(state, NAMESPACE, Term.label("a", "b")));
  }

  @Test
  void aPodIsFoundByItsNameInFull() {
    NodeState state = NodeState.inMemory();
    for (int i = 0; i < 1_000; i++) {
      SandboxRecord record =
          SandboxRecord.newBuilder()
              .setId("p" + i)
              .setName("web-" + i)
              .setPodNamespace("default")
              .setUid("u" + i)
              .build();
      state.apply(
          i,
          List.of(
              Delta.put(
                  Kind.SANDBOX.key(NAMESPACE, "p" + i),
                  SandboxEntry.newBuilder().setSandbox(record).build())));
    }
    List<String> ids = new ArrayList<>();
    state.forEach(
        Kind.SANDBOX,
        NAMESPACE,
        Term.podName("web-700", "default", "u700", 0),
        (id, entry) -> ids.add(id));
    assertEquals(List.of("p700"), ids);
    assertTrue(Kind.SANDBOX.ordinal() > 0);
  }
}

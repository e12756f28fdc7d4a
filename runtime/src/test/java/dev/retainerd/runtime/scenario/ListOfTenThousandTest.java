package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.containerd.services.containers.v1.Container;
import dev.retainerd.wire.containerd.services.containers.v1.ListContainersRequest;
import dev.retainerd.wire.containerd.services.containers.v1.UpdateContainerRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A list of 10,000 records with a label filter, over the socket. */
@Tag("real")
@Tag("soak")
class ListOfTenThousandTest {
  private static final int RECORDS = 10_000;
  private static final int EVERY = 500;
  private static final int ROUNDS = 200;

  private final Node node = Node.started();

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  @Timeout(value = 15, unit = TimeUnit.MINUTES)
  void aLabelFilterTakesLessThanTwentyMilliseconds() throws Exception {
    node.ctr("namespaces", "create", node.name()).expectSuccess();
    try (ExecutorService clients = Executors.newFixedThreadPool(16)) {
      List<Future<?>> created = new ArrayList<>();
      for (int i = 0; i < RECORDS; i++) {
        String id = "c" + i;
        created.add(clients.submit(() -> Churn.create(node, id)));
      }
      for (Future<?> one : created) {
        one.get();
      }
    }
    for (int i = 0; i < RECORDS; i += EVERY) {
      node.containers(node.name())
          .update(
              UpdateContainerRequest.newBuilder()
                  .setContainer(Container.newBuilder().setId("c" + i).putLabels("app", "web"))
                  .setUpdateMask(com.google.protobuf.FieldMask.newBuilder().addPaths("labels"))
                  .build());
    }
    assertEquals(RECORDS, listed(List.of()), "records in all");
    long median = median("labels.app==web", RECORDS / EVERY);
    long byId = median("id==c77", 1);
    System.out.printf(
        "list of %,d records: by label %,d us, by id %,d us%n", RECORDS, median, byId);
    assertTrue(median < 20_000, "a list by label took " + median + " us");
  }

  private long median(String filter, int wanted) {
    long[] micros = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      long begun = System.nanoTime();
      assertEquals(wanted, listed(List.of(filter)));
      micros[i] = (System.nanoTime() - begun) / 1_000;
    }
    Arrays.sort(micros);
    return micros[ROUNDS / 2];
  }

  private int listed(List<String> filters) {
    return node.containers(node.name())
        .list(ListContainersRequest.newBuilder().addAllFilters(filters).build())
        .getContainersCount();
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Case 21: addresses or network namespaces that leak, and a pod whose address changes. */
@Tag("real")
class AddressLeaksTest {

  @Test
  void anAddressGivenBeforeItsRecordIsGivenBackAndTheOthersKeepTheirs() throws Exception {
    try (Node node = Node.started()) {
      Pods pods = new Pods(node);
      String first = pods.run("first");
      String second = pods.run("second");
      Set<String> before = Set.of(address(node, first), address(node, second));
      node.killDaemon();

      node.start("-Dretainerd.failpoint=SANDBOX_NETWORK_ADDED");
      assertThrows(StatusRuntimeException.class, () -> pods.run("third"));
      node.awaitDaemonEnd();
      assertEquals(3, leases(node).size());
      assertEquals(3, namespaces(node));

      node.start();
      // The first change waits until recovery has looked at everything.
      String fourth = pods.run("fourth");
      assertEquals(before, Set.of(address(node, first), address(node, second)));
      Set<String> all = new TreeSet<>(before);
      all.add(address(node, fourth));
      assertEquals(all, leases(node));
      assertEquals(3, namespaces(node));
      for (String pod : new String[] {first, second, fourth}) {
        pods.removePod(pod);
      }
      assertTrue(leases(node).isEmpty());
      node.stopDaemon();
      node.expectNothingLeft();
    }
  }

  private static String address(Node node, String pod) {
    return node.cri()
        .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
        .getStatus()
        .getNetwork()
        .getIp();
  }

  private static Set<String> leases(Node node) throws IOException {
    try (Stream<Path> files = Files.walk(node.folder().resolve("ipam"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("[0-9]+(\\.[0-9]+){3}"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static long namespaces(Node node) throws IOException {
    try (Stream<Path> files = Files.list(node.state().resolve("netns"))) {
      return files.count();
    }
  }
}

package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.wire.cri.v1.PodSandboxStatusRequest;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Case 21, addresses and network namespaces leak, and a pod's address changes: the daemon is killed
 * between CNI's ADD and its record, and a DEL that never came is made up for. What IPAM has given
 * out is what pods have, and a pod's address is the same before and after a restart.
 */
@Tag("real")
class AddressesLeakTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Node node = Node.prepared();
  private final Pods pods = new Pods(node);

  @AfterEach
  void close() {
    node.close();
  }

  @Test
  void killedBetweenAddAndItsRecord() throws IOException {
    node.start("-Dretainerd.failpoint=SANDBOX_NETWORK_ADDED");
    node.importImage("k8s.io");
    assertThrows(StatusRuntimeException.class, () -> pods.run("p"));
    node.awaitDaemonEnd();
    assertEquals(1, leases().size(), "ADD had given an address out");
    node.start();
    Eventually.holds("the address given back", PATIENCE, () -> leases().isEmpty());
    String pod = pods.run("p");
    String address = address(pod);
    node.killDaemon();
    node.start();
    assertEquals(address, address(pod));
    assertEquals(List.of(address), leases());
    node.retainctl("doctor").expectSuccess();
    pods.stopPod(pod);
    pods.removePod(pod);
    node.stopDaemon();
    node.expectNothingLeft();
  }

  @Test
  void anAddressThatNoDelGaveBack() throws IOException {
    node.start();
    node.importImage("k8s.io");
    String pod = pods.run("p");
    Path lease = folder().resolve(address(pod));
    String content = Files.readString(lease);
    pods.stopPod(pod);
    pods.removePod(pod);
    node.retainctl("doctor").expectSuccess();
    Files.writeString(lease, content);
    Path strangers = folder().resolve(node.subnet() + ".77");
    Files.writeString(strangers, "f".repeat(64) + "\neth0");

    Host.Output doctor = node.retainctl("doctor");
    assertEquals(1, doctor.code(), doctor.text());
    assertTrue(doctor.text().contains("address " + node.name() + "/"), doctor.text());
    assertTrue(doctor.text().matches("(?s).*event \\d+: .*"), doctor.text());
    assertFalse(doctor.text().contains(".77"), "it is not ours: " + doctor.text());
    assertTrue(Files.exists(lease), "doctor changes nothing");

    long before = new History(node).lastSequence();
    node.killDaemon();
    node.start();
    Eventually.holds("the address given back", PATIENCE, () -> !Files.exists(lease));
    assertTrue(Files.exists(strangers), "what is not ours is left alone");
    Eventually.holds(
        "an event about it",
        PATIENCE,
        () ->
            new History(node)
                .sentences(before, "LeftoverRemoved").stream()
                    .anyMatch(sentence -> sentence.contains("address " + node.name())));
    node.retainctl("doctor").expectSuccess();
    Files.delete(strangers);
  }

  private String address(String pod) {
    return node.cri()
        .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
        .getStatus()
        .getNetwork()
        .getIp();
  }

  private Path folder() {
    return node.folder().resolve("ipam").resolve(node.name());
  }

  private List<String> leases() throws IOException {
    if (!Files.isDirectory(folder())) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder())) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches("[0-9]+(\\.[0-9]+){3}"))
          .toList();
    }
  }
}

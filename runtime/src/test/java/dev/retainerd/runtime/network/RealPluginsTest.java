package dev.retainerd.runtime.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountTable;
import dev.retainerd.runtime.namespaces.NamespaceKind;
import dev.retainerd.runtime.namespaces.NamespacePin;
import dev.retainerd.runtime.namespaces.NamespacePins;
import dev.retainerd.runtime.namespaces.NamespaceRequest;
import dev.retainerd.runtime.namespaces.NamespaceThread;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The real bridge, host-local, portmap and firewall tools, in a network namespace that plays the
 * node: a child process is born into the namespace of the thread that starts it, so bridges and nat
 * rules never reach the real node. So are threads, which would serve the tests after it: it is
 * tagged to have its JVM at the end.
 */
@Tag("real")
@Tag("alone")
class RealPluginsTest {
  private static final Duration DEADLINE = Duration.ofSeconds(60);

  @TempDir Path folder;
  private NamespacePins pins;
  private Path node;
  private PodNetworks networks;

  @BeforeEach
  void prepare() throws Exception {
    pins = new NamespacePins(folder.resolve("state"));
    node = netns("node");
    Path conf = Files.createDirectory(folder.resolve("conf"));
    Files.writeString(
        conf.resolve("10-pods.conflist"),
        """
        {"cniVersion": "1.0.0", "name": "pods", "plugins": [
          {"type": "bridge", "bridge": "rnttest0", "isGateway": true, "ipMasq": true,
           "ipam": {"type": "host-local", "dataDir": "%s",
                    "ranges": [[{"subnet": "10.213.7.0/24"}], [{"subnet": "fd13:7::/64"}]],
                    "routes": [{"dst": "0.0.0.0/0"}]}},
          {"type": "portmap", "capabilities": {"portMappings": true}}]}
        """
            .formatted(folder.resolve("leases")));
    networks = new PodNetworks(NetworkSettings.of(conf, List.of(Path.of("/usr/lib/cni"))));
  }

  @AfterEach
  void releaseAll() throws Exception {
    for (NamespacePin pin : pins.list()) {
      pins.release(pin.id());
    }
    assertTrue(MountTable.read().below(folder.toRealPath()).isEmpty());
  }

  private Path netns(String id) {
    return pins.pin(new NamespaceRequest(id, Set.of(NamespaceKind.NETWORK), "", Map.of()))
        .get(NamespaceKind.NETWORK);
  }

  private <T> T onNode(Callable<T> work) throws Exception {
    return NamespaceThread.insideNetwork(node, DEADLINE, work);
  }

  private PodNetworkRequest pod(String id) {
    return PodNetworkRequest.of(id, netns(id), "default", "pod-" + id, "uid-" + id);
  }

  private List<Attachment> attach(PodNetworkRequest request) throws Exception {
    return onNode(() -> networks.attach(request));
  }

  private void detach(PodNetworkRequest request, List<Attachment> attachments) throws Exception {
    onNode(
        () -> {
          networks.detach(request, attachments);
          return null;
        });
  }

  @Test
  void twoPodsReachEachOtherAndTheirAddressesAreFreedByDel() throws Exception {
    PodNetworkRequest a = pod("a");
    PodNetworkRequest b = pod("b");
    List<Attachment> ofA = attach(a);
    List<Attachment> ofB = attach(b);
    assertEquals(List.of("10.213.7.2", "fd13:7::2"), ofA.getFirst().addresses());
    assertEquals("pods", ofA.getFirst().network());
    assertEquals(0, ping("a", ofB.getFirst().addresses().getFirst()));
    assertEquals(4, networks.leases().size());
    onNode(
        () -> {
          networks.check(a, ofA);
          return null;
        });

    detach(a, ofA);
    detach(a, ofA);
    assertEquals(
        Set.of("b"), Set.copyOf(networks.leases().stream().map(AddressLease::sandboxId).toList()));
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                onNode(
                    () -> {
                      networks.check(a, ofA);
                      return null;
                    }));
    assertTrue(refusal.is(Refusal.Code.FAILED_PRECONDITION));
    detach(b, ofB);
    assertEquals(List.of(), networks.leases());
    assertEquals(List.of(), onNode(FirewallRules::list));
  }

  private int ping(String from, String address) throws Exception {
    return NamespaceThread.insideNetwork(
        pins.path(from, NamespaceKind.NETWORK),
        DEADLINE,
        () -> {
          Process ping = new ProcessBuilder("busybox", "ping", "-c1", "-W5", address).start();
          assertTrue(ping.waitFor(20, TimeUnit.SECONDS));
          return ping.exitValue();
        });
  }

  @Test
  void anAddWhoseRecordWasLostIsUndoneWithoutIt() throws Exception {
    PodNetworkRequest a = pod("a");
    attach(a);
    assertEquals(2, networks.leases().size());
    detach(a, List.of());
    assertEquals(List.of(), networks.leases());
    assertEquals("10.213.7", attach(a).getFirst().addresses().getFirst().substring(0, 8));
  }

  @Test
  void aPortOfTheNodeLeadsToThePod() throws Exception {
    PodNetworkRequest a =
        pod("a")
            .withPortMappings(List.of(new PodNetworkRequest.PortMapping(18080, 8080, "tcp", "")));
    List<Attachment> attachments = attach(a);
    try (ServerSocketChannel server =
        NamespaceThread.insideNetwork(
            a.netns(),
            DEADLINE,
            () -> ServerSocketChannel.open().bind(new InetSocketAddress(8080)))) {
      onNode(
          () -> {
            try (SocketChannel client = SocketChannel.open()) {
              client.socket().connect(new InetSocketAddress("10.213.7.1", 18080), 5000);
              return client.isConnected();
            }
          });
    }
    List<FirewallRule> rules = onNode(FirewallRules::list);
    assertTrue(rules.stream().anyMatch(rule -> rule.chain().startsWith("CNI-DN-")), "" + rules);
    assertTrue(rules.stream().allMatch(rule -> rule.sandboxId().equals("a")), "" + rules);
    assertTrue(rules.stream().allMatch(rule -> rule.network().equals("pods")), "" + rules);
    detach(a, attachments);
    assertEquals(List.of(), onNode(FirewallRules::list));
  }

  @Test
  void whatDelForgetsWhenTheNamespaceIsGoneIsFoundAndRemoved() throws Exception {
    PodNetworkRequest a = pod("a");
    List<Attachment> attachments = attach(a);
    pins.release("a");
    detach(a, attachments);
    assertEquals(List.of(), networks.leases());
    List<FirewallRule> left = onNode(FirewallRules::list);
    assertFalse(left.isEmpty(), "bridge learnt to clean up: the removal is needed no more");
    for (FirewallRule rule : left) {
      assertTrue(onNode(() -> FirewallRules.remove(rule)));
      assertFalse(onNode(() -> FirewallRules.remove(rule)));
    }
    assertEquals(List.of(), onNode(FirewallRules::list));
  }

  @Test
  void aLeaseOfAPodThatNobodyKnowsIsFreedOnce() throws Exception {
    attach(pod("a"));
    AddressLease lease = networks.leases().getFirst();
    assertEquals("a", lease.sandboxId());
    assertTrue(lease.release());
    assertFalse(lease.release());
    AddressLease other = networks.leases().getFirst();
    Files.writeString(other.file(), "b\r\neth0");
    assertFalse(other.release());
    assertTrue(Files.exists(other.file()));
  }

  @Test
  void theCostOfAnAttachmentIsThatOfThePlugins() throws Exception {
    long add = 0;
    long del = 0;
    long namespaces = 0;
    int rounds = 5;
    for (int i = 0; i < rounds; i++) {
      long t0 = System.nanoTime();
      PodNetworkRequest request = pod("m" + i);
      long t1 = System.nanoTime();
      List<Attachment> attachments = attach(request);
      long t2 = System.nanoTime();
      detach(request, attachments);
      del += System.nanoTime() - t2;
      add += t2 - t1;
      namespaces += t1 - t0;
    }
    System.out.printf(
        "measured: pin a network namespace %.2f ms, ADD %.1f ms, DEL %.1f ms%n",
        namespaces / 1e6 / rounds, add / 1e6 / rounds, del / 1e6 / rounds);
    assertEquals(List.of(), networks.leases());
  }
}

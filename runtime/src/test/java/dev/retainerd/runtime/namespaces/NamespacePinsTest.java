package dev.retainerd.runtime.namespaces;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.MountTable;
import dev.retainerd.runtime.linux.Mounts;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NamespacePinsTest {
  private static final Set<NamespaceKind> ALL =
      EnumSet.of(NamespaceKind.NETWORK, NamespaceKind.UTS, NamespaceKind.IPC);
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  @TempDir Path state;
  private NamespacePins pins;

  @BeforeEach
  void open() {
    pins = new NamespacePins(state);
  }

  @AfterEach
  void releaseAll() throws IOException {
    for (NamespacePin pin : pins.list()) {
      pins.release(pin.id());
    }
    assertTrue(MountTable.read().below(state.toRealPath()).isEmpty());
  }

  private static NamespaceRequest request(String id, Map<String, String> sysctls) {
    return new NamespaceRequest(id, ALL, "host-" + id, sysctls);
  }

  private static String readInside(Path netns, String file) throws IOException {
    return NamespaceThread.insideNetwork(
        netns, DEADLINE, () -> Files.readString(Path.of(file)).trim());
  }

  @Test
  @Tag("real")
  void aPodHasItsOwnNamespacesThatLiveWithoutAProcess() throws Exception {
    Map<NamespaceKind, Path> made =
        pins.pin(
            request(
                "p1", Map.of("net.ipv4.ip_unprivileged_port_start", "0", "kernel.sem", "1 2 3 4")));
    assertEquals(ALL, made.keySet());
    Path netns = made.get(NamespaceKind.NETWORK);
    assertEquals(state.resolve("netns/p1"), netns);
    assertEquals("0", readInside(netns, "/proc/sys/net/ipv4/ip_unprivileged_port_start"));
    assertNotEquals(
        "0", Files.readString(Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start")).trim());
    Process hostname =
        new ProcessBuilder(
                "nsenter",
                "--uts=" + made.get(NamespaceKind.UTS),
                "--ipc=" + made.get(NamespaceKind.IPC),
                "sh",
                "-c",
                "hostname; cat /proc/sys/kernel/sem")
            .start();
    assertEquals("host-p1\n1\t2\t3\t4\n", new String(hostname.getInputStream().readAllBytes()));
    assertEquals(3, pins.list().stream().filter(NamespacePin::alive).count());
  }

  @Test
  @Tag("real")
  void aUserNamespaceOwnsTheOthersOfItsPod() throws Exception {
    List<IdMappings.Range> ids = List.of(new IdMappings.Range(0, 200_000, 65_536));
    Map<NamespaceKind, Path> made =
        pins.pin(
            new NamespaceRequest(
                "p9",
                EnumSet.allOf(NamespaceKind.class),
                "host-p9",
                Map.of("kernel.sem", "1 2 3 4"),
                new IdMappings(ids, ids)));
    Process inside =
        new ProcessBuilder(
                "nsenter",
                "--user=" + made.get(NamespaceKind.USER),
                "--net=" + made.get(NamespaceKind.NETWORK),
                "--uts=" + made.get(NamespaceKind.UTS),
                "--ipc=" + made.get(NamespaceKind.IPC),
                "sh",
                "-c",
                "hostname other; hostname; cat /proc/sys/kernel/sem; id -u;"
                    + " cat /proc/self/uid_map; ip link set lo down && echo down")
            .start();
    List<String> said =
        new String(inside.getInputStream().readAllBytes())
            .lines()
            .map(line -> line.strip().replaceAll("\\s+", " "))
            .toList();
    assertEquals(List.of("other", "1 2 3 4", "0", "0 200000 65536", "down"), said);
    assertTrue(pins.release("p9"));
    assertFalse(pins.release("p9"));
    assertThrows(
        Refusal.class,
        () ->
            pins.pin(new NamespaceRequest("p9", EnumSet.allOf(NamespaceKind.class), "", Map.of())));
  }

  @Test
  @Tag("real")
  void loIsUpInsideAndServesOnlyThere() throws Exception {
    Path netns = pins.pin(request("p2", Map.of())).get(NamespaceKind.NETWORK);
    try (ServerSocketChannel server =
        NamespaceThread.insideNetwork(
            netns,
            DEADLINE,
            () -> ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0)))) {
      InetSocketAddress address = (InetSocketAddress) server.getLocalAddress();
      assertThrows(IOException.class, () -> SocketChannel.open(address).close());
      NamespaceThread.insideNetwork(netns, DEADLINE, () -> SocketChannel.open(address)).close();
    }
  }

  @Test
  @Tag("real")
  void aPortInsideIsReachedFromOutsideByItsNamespace() throws Exception {
    Path netns = pins.pin(request("p7", Map.of())).get(NamespaceKind.NETWORK);
    for (String host : List.of("127.0.0.1", "::1")) {
      try (ServerSocketChannel server =
          NamespaceThread.insideNetwork(
              netns,
              DEADLINE,
              () -> ServerSocketChannel.open().bind(new InetSocketAddress(host, 0)))) {
        int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
        try (SocketChannel client = PodSockets.connect(netns, port, DEADLINE)) {
          assertTrue(client.isConnected() && client.isBlocking());
        }
        server.close();
        IOException e =
            assertThrows(IOException.class, () -> PodSockets.connect(netns, port, DEADLINE));
        assertEquals("nobody listens on 127.0.0.1:" + port, e.getMessage());
      }
    }
  }

  @Test
  @Tag("real")
  void madeTwiceTheyStayTheSameAndReleasedTwiceTheyAreGone() throws Exception {
    Path netns = pins.pin(request("p3", Map.of())).get(NamespaceKind.NETWORK);
    Object before = Files.getAttribute(netns, "unix:ino");
    pins.pin(request("p3", Map.of()));
    assertEquals(before, Files.getAttribute(netns, "unix:ino"));
    assertTrue(pins.release("p3"));
    assertFalse(pins.release("p3"));
    assertTrue(pins.list().isEmpty());
  }

  @Test
  @Tag("real")
  void aHalfMadeSetIsReplacedAndShownAsDead() throws Exception {
    Map<NamespaceKind, Path> made = pins.pin(request("p4", Map.of()));
    Mounts.unmountAll(made.get(NamespaceKind.IPC));
    List<NamespacePin> dead = pins.list().stream().filter(pin -> !pin.alive()).toList();
    assertEquals(List.of(NamespaceKind.IPC), dead.stream().map(NamespacePin::kind).toList());
    pins.pin(request("p4", Map.of()));
    assertTrue(pins.list().stream().allMatch(NamespacePin::alive));
  }

  @Test
  @Tag("real")
  void aValueTheKernelRefusesLeavesNothingBehind() throws Exception {
    Refusal refusal =
        assertThrows(
            Refusal.class, () -> pins.pin(request("p5", Map.of("net.ipv4.ip_forward", "maybe"))));
    assertTrue(refusal.sentence().contains("net.ipv4.ip_forward"), refusal.sentence());
    assertTrue(pins.list().isEmpty());
    try (Stream<Path> files = Files.walk(state)) {
      assertEquals(0, files.filter(Files::isRegularFile).count());
    }
  }

  @Test
  void aSettingOfTheNodeIsRefused() {
    for (String name :
        List.of("vm.swappiness", "kernel.panic", "net/../vm/swappiness", "kernel.hostname")) {
      Refusal refusal =
          assertThrows(Refusal.class, () -> pins.pin(request("p6", Map.of(name, "1"))));
      assertTrue(refusal.is(Refusal.Code.INVALID_ARGUMENT));
    }
    NamespaceRequest ofNodeNetwork =
        new NamespaceRequest(
            "p6", Set.of(NamespaceKind.IPC), "h", Map.of("net.ipv4.ip_forward", "1"));
    assertThrows(Refusal.class, () -> pins.pin(ofNodeNetwork));
  }

  @Test
  void anIdThatClimbsIsRefused() {
    for (String id : List.of("../x", "", "a/b", ".", "..", "a..b", "x".repeat(300))) {
      assertThrows(Refusal.class, () -> pins.release(id), id);
    }
  }

  @Test
  @Tag("real")
  void sharedMemoryIsMountedOnceAndUnmountedTwice() throws Exception {
    Path shm = state.resolve("sandbox/shm");
    SharedMemory.mount(shm, 1 << 20);
    SharedMemory.mount(shm, 1 << 20);
    assertEquals(1, MountTable.read().below(shm.toRealPath()).size());
    assertEquals(1 << 20, Files.getFileStore(shm).getTotalSpace());
    assertTrue(SharedMemory.unmount(shm));
    assertFalse(SharedMemory.unmount(shm));
  }
}

package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a hosts.toml says, carried out: pulls by way of servers that the reference does not name.
 */
@Tag("real")
class HostsTomlPullTest {
  /** Nobody has this name: who is asked must be the hosts.toml's doing. */
  private static final String REGISTRY = "registry.invalid";

  private static final Scope SCOPE = NodeFixture.scope("one");
  private static final PlatformChoice HERE = PlatformChoice.of(Platform.host());

  @TempDir Path temp;
  private DockerRegistry registry;
  private DockerRegistry empty;
  private NodeFixture node;
  private Path hosts;
  private final TestImage made =
      new TestImage().layer(new TarBuilder().file("one", "1".repeat(70_000)).build());

  @BeforeEach
  void start() throws Exception {
    registry = new DockerRegistry(Files.createDirectories(temp.resolve("registry")));
    empty = new DockerRegistry(Files.createDirectories(temp.resolve("empty")));
    registry.push("from", "v1", made);
    node = new NodeFixture(Files.createDirectories(temp.resolve("root")));
    hosts = temp.resolve("hosts");
  }

  @AfterEach
  void stop() throws Exception {
    node.close();
    registry.close();
    empty.close();
  }

  private void write(String... lines) throws IOException {
    Path own = Files.createDirectories(hosts.resolve(REGISTRY));
    Files.writeString(own.resolve("hosts.toml"), String.join("\n", lines));
  }

  private void pull(String name) {
    node.images
        .transfers()
        .pull(
            SCOPE,
            new ImageTransfers.Registry(
                REGISTRY + "/from:v1", Optional.of(hosts), false, Credentials.ANONYMOUS),
            new ImageTransfers.Wish(name, Map.of(), HERE, Set.of("overlayfs")),
            TransferProgress.NONE);
    assertEquals(
        Digest.of(made.manifest()).toString(),
        node.records.get("one", name).getTarget().getDigest());
    assertTrue(node.snapshots.isCommitted("one", made.diffIds.getFirst()));
  }

  @Test
  void mirrorsThatAreDeadOrLackTheImageArePassedOver() throws Exception {
    try (GuardedRegistry lacking = new GuardedRegistry(empty.host, GuardedRegistry.Guard.NONE);
        GuardedRegistry having = new GuardedRegistry(registry.host, GuardedRegistry.Guard.NONE)) {
      write(
          "server = \"http://127.0.0.1:1\"",
          "[host.\"http://127.0.0.1:2\"]",
          "[host.\"http://" + lacking.host + "\"]",
          "[host.\"http://" + having.host + "\"]",
          "  [host.\"http://" + having.host + "\".header]",
          "    x-who = [\"us\", \"and them\"]");
      pull("mine");
      assertFalse(lacking.seen.isEmpty(), "it was asked, in its turn");
      assertTrue(having.seen.size() >= 3, "manifest, config and layer came from here");
      having.seen.forEach(headers -> assertEquals(List.of("us", "and them"), headers.get("x-who")));
      lacking.seen.forEach(headers -> assertFalse(headers.containsKey("x-who")));
      lacking.seen.forEach(
          headers ->
              assertEquals(
                  List.of(REGISTRY),
                  headers.getOrDefault("x-ns", List.of(REGISTRY)),
                  "no other registry is named to it"));
    }
  }

  @Test
  void aServerIsAskedOnlyForWhatItIsGoodFor() throws Exception {
    try (GuardedRegistry resolves = new GuardedRegistry(registry.host, GuardedRegistry.Guard.NONE);
        GuardedRegistry pulls = new GuardedRegistry(registry.host, GuardedRegistry.Guard.NONE)) {
      write(
          "server = \"http://127.0.0.1:1\"",
          "[host.\"http://" + resolves.host + "\"]",
          "  capabilities = [\"resolve\"]",
          "[host.\"http://" + pulls.host + "\"]",
          "  capabilities = [\"pull\"]");
      pull("mine");
      assertEquals(1, resolves.seen.size(), "the tag");
      assertEquals(2, pulls.seen.size(), "config and layer");
      Refusal refused =
          assertThrows(
              Refusal.class,
              () ->
                  node.images
                      .transfers()
                      .push(
                          SCOPE,
                          "mine",
                          new ImageTransfers.Registry(
                              REGISTRY + "/to:v1",
                              Optional.of(hosts),
                              false,
                              Credentials.ANONYMOUS),
                          TransferProgress.NONE));
      assertEquals(Refusal.Code.UNAVAILABLE, refused.code(), "only the server takes pushes");
    }
  }

  @Test
  void aServerThatAsksForACertificateIsShownIt() throws Exception {
    Path certificates = Files.createDirectories(temp.resolve("certs"));
    try (GuardedRegistry door =
        new GuardedRegistry(registry.host, GuardedRegistry.Guard.NONE, certificates, true)) {
      String trusted =
          "server = \"https://"
              + door.host
              + "\"\nca = \""
              + certificates.resolve("cert.pem")
              + "\"\n";
      write(trusted);
      assertThrows(Refusal.class, () -> pull("mine"), "without one the door stays shut");
      write(
          trusted,
          "client = [[\""
              + certificates.resolve("cert.pem")
              + "\", \""
              + certificates.resolve("key.pem")
              + "\"]]");
      pull("mine");
    }
  }

  @Test
  void aCertificateOfNobodysIsTakenOnlyWithSkipVerify() throws Exception {
    Path certificates = Files.createDirectories(temp.resolve("certs"));
    try (GuardedRegistry door =
        new GuardedRegistry(registry.host, GuardedRegistry.Guard.NONE, certificates)) {
      write("server = \"https://" + door.host + "\"", "skip_verify = false");
      Refusal refused = assertThrows(Refusal.class, () -> pull("mine"));
      assertEquals(Refusal.Code.UNAVAILABLE, refused.code(), refused.sentence());
      write("server = \"https://" + door.host + "\"", "skip_verify = true");
      pull("mine");
    }
  }
}

package dev.retainerd.shim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.shim.protocol.ShimClient;
import dev.retainerd.shim.protocol.TtrpcClient;
import dev.retainerd.shim.wire.bootstrap.BootstrapParams;
import dev.retainerd.shim.wire.bootstrap.BootstrapResult;
import dev.retainerd.shim.wire.bootstrap.RuntimeInfo;
import dev.retainerd.shim.wire.task.DeleteResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The binary's start, delete and -info, as containerd of each age calls them. */
@Tag("real")
class ContainerdActionsTest {
  private ShimHarness harness;
  private Path launcher;
  private final List<Path> sockets = new ArrayList<>();

  @BeforeEach
  void start() throws Exception {
    harness = new ShimHarness();
    List<String> java = new ArrayList<>(ShimHarness.javaCommand());
    java.add(1, "-Dretain.shim.launcher=" + harness.root.resolve("launcher"));
    launcher = harness.script("launcher", "exec " + String.join(" ", java) + " \"$@\"");
  }

  @AfterEach
  void stop() throws Exception {
    for (Path socket : sockets) {
      try (TtrpcClient client = TtrpcClient.connect(socket, () -> {})) {
        new ShimClient(client).shutdownIfEmpty(ShimHarness.PATIENCE);
      } catch (IOException gone) {
        // Which is what is wanted.
      }
    }
    harness.close();
  }

  private record Said(int code, byte[] out, String err) {
    String text() {
      return new String(out, StandardCharsets.UTF_8);
    }
  }

  private Said call(Path folder, Map<String, String> variables, byte[] input, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(Arrays.asList(arguments));
    Path err = Files.createTempFile(harness.root, "said", ".err");
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectError(err.toFile());
    builder.environment().putAll(variables);
    Process process = builder.start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(input);
    } catch (IOException e) {
      // It may end without reading.
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    process.getInputStream().transferTo(out);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it hangs: " + command);
    return new Said(process.exitValue(), out.toByteArray(), Files.readString(err));
  }

  private Path bundleOf(String id, String group) throws Exception {
    Path bundle = harness.bundle(id, "true");
    Path config = bundle.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "\"linux\":{",
                "\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\""
                    + group
                    + "\"},\"linux\":{"));
    return bundle;
  }

  private String[] startOf(String id) {
    return new String[] {
      "-namespace", "ns" + harness.process.pid(), "-id", id, "-address", "/no/daemon", "start"
    };
  }

  private Path seen(String address) {
    assertTrue(address.startsWith("unix:///"), address);
    Path socket = Path.of(address.substring("unix://".length()));
    sockets.add(socket);
    return socket;
  }

  @Test
  void infoIsTheMessageThatContainerdAsksFor() throws Exception {
    RuntimeInfo info =
        RuntimeInfo.parseFrom(call(harness.root, Map.of(), new byte[0], "-info").out());
    assertEquals("io.containerd.retain.v1", info.getName());
    assertTrue(info.getVersion().getVersion().startsWith("0.1.0"));
  }

  @Test
  void startAnswersEachAgeInItsOwnForm() throws Exception {
    Path bundle = bundleOf("a", "group1");
    Said oldest = call(bundle, Map.of(), new byte[0], startOf("a"));
    assertEquals(0, oldest.code(), oldest.err());
    Path socket = seen(oldest.text());
    assertEquals(oldest.text(), Files.readString(bundle.resolve("address")));
    try (TtrpcClient client = TtrpcClient.connect(socket, () -> {})) {
      assertTrue(new ShimClient(client).info(ShimHarness.PATIENCE).getPid() > 0);
    }
    // Another container of the group: the same server, in the form of 1.7 and 2.x.
    Path second = bundleOf("b", "group1");
    Said json = call(second, Map.of("MAX_SHIM_VERSION", "2"), new byte[0], startOf("b"));
    assertEquals(
        "{\"version\":2,\"address\":\"" + oldest.text() + "\",\"protocol\":\"ttrpc\"}",
        json.text());
    // And with bootstrap parameters on stdin.
    Path third = bundleOf("c", "group1");
    byte[] parameters =
        BootstrapParams.newBuilder()
            .setInstanceId("c")
            .setNamespace("ns" + harness.process.pid())
            .build()
            .toByteArray();
    BootstrapResult result =
        BootstrapResult.parseFrom(call(third, Map.of(), parameters, startOf("c")).out());
    assertEquals(3, result.getVersion());
    assertEquals("ttrpc", result.getProtocol());
    assertEquals(oldest.text(), result.getAddress());
    // Of another group: another server.
    Said other = call(bundleOf("d", "group2"), Map.of(), new byte[0], startOf("d"));
    assertNotEquals(oldest.text(), other.text());
    seen(other.text());
  }

  @Test
  void deleteEndsWhatADeadServerLeftAndSaysHow() throws Exception {
    harness.run("c1", "sleep", "1000");
    Path bundle = harness.root.resolve("bundles/c1");
    long pid = Long.parseLong(Files.readString(bundle.resolve("retain/pid")).trim());
    harness.killShim();
    Said said =
        call(
            harness.root,
            Map.of(),
            new byte[0],
            "-namespace",
            ShimHarness.NAMESPACE,
            "-id",
            "c1",
            "-bundle",
            bundle.toString(),
            "delete");
    assertEquals(0, said.code(), said.err());
    DeleteResponse deleted = DeleteResponse.parseFrom(said.out());
    assertEquals(137, deleted.getExitStatus());
    assertEquals(pid, deleted.getPid());
    ShimHarness.awaitTrue(
        "the container's end", () -> ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true));
    assertFalse(Files.exists(bundle.resolve("retain")));
    assertEquals(List.of(), ShimHarness.leftOf("c1"));
    // Again, with nothing there: still an answer.
    said =
        call(
            harness.root,
            Map.of(),
            new byte[0],
            "-namespace",
            ShimHarness.NAMESPACE,
            "-id",
            "c1",
            "-bundle",
            bundle.toString(),
            "delete");
    assertEquals(0, said.code(), said.err());
  }

  @Test
  void badCallsAreRefusedInOneSentence() throws Exception {
    Said unknown = call(harness.root, Map.of(), new byte[0], "--no-such-option");
    assertEquals(1, unknown.code());
    assertEquals(1, unknown.err().lines().count(), unknown.err());
    Said missing = call(harness.root, Map.of(), new byte[0], "start");
    assertEquals(1, missing.code());
    assertTrue(missing.err().contains("-namespace is needed"), missing.err());
    Path noBundle = Files.createDirectories(harness.root.resolve("empty"));
    Said without = call(noBundle, Map.of(), new byte[0], startOf("z"));
    assertEquals(1, without.code());
    assertTrue(without.err().contains("config.json"), without.err());
    assertEquals(1, without.err().lines().count(), without.err());
  }
}

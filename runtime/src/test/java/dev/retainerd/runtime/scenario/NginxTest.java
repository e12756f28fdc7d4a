package dev.retainerd.runtime.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.namespaces.NamespaceThread;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.CreateContainerRequest;
import dev.retainerd.wire.cri.v1.IDMapping;
import dev.retainerd.wire.cri.v1.ImageSpec;
import dev.retainerd.wire.cri.v1.LinuxContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.UserNamespace;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A real server with a real server's habits: it opens its outputs by name, makes processes of
 * another user, and ends by the signal of its image.
 */
@Tag("real")
class NginxTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String CONFIGURATION =
      """
      user nobody nogroup;
      worker_processes 1;
      pid /run/nginx.pid;
      error_log /dev/stderr notice;
      events { worker_connections 16; }
      http {
        access_log /dev/stdout;
        client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;
        fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
        server { listen 80; root /www; }
      }
      """;

  private static Node node;
  private static Pods pods;
  private static String image;

  @BeforeAll
  static void start() {
    node = Node.started();
    pods = new Pods(node);
    image =
        new MadeImage(node, "docker.io/retain/nginx:1")
            .withBusybox()
            .withProgram(Path.of("/usr/sbin/nginx"))
            .withFile("etc/nginx/nginx.conf", CONFIGURATION)
            .withFile("www/index.html", "served\n")
            .withFolder("run")
            .withFolder("var/log/nginx")
            .withFolder("var/lib/nginx")
            .withCommand("/usr/sbin/nginx", "-g", "daemon off;")
            .withStopSignal("SIGQUIT")
            .importInto("k8s.io");
  }

  @AfterAll
  static void close() {
    node.close();
  }

  private static String get(String pod) throws IOException {
    return NamespaceThread.insideNetwork(
        node.state().resolve("netns").resolve(pod),
        PATIENCE,
        () -> {
          try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", 80), 5000);
            socket
                .getOutputStream()
                .write("GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
          }
        });
  }

  private static void serves(String name, NamespaceOption options) {
    PodSandboxConfig plain = pods.config(name);
    PodSandboxConfig config =
        plain.toBuilder()
            .setLinux(
                plain.getLinux().toBuilder()
                    .setSecurityContext(
                        LinuxSandboxSecurityContext.newBuilder().setNamespaceOptions(options)))
            .build();
    String pod = pods.run(config);
    String id =
        node.cri()
            .createContainer(
                CreateContainerRequest.newBuilder()
                    .setPodSandboxId(pod)
                    .setConfig(
                        ContainerConfig.newBuilder(pods.containerConfig("nginx", ""))
                            .clearCommand()
                            .clearMounts()
                            .setImage(ImageSpec.newBuilder().setImage(image))
                            .setLinux(
                                LinuxContainerConfig.newBuilder()
                                    .setSecurityContext(
                                        LinuxContainerSecurityContext.newBuilder()
                                            .setNamespaceOptions(options))))
                    .setSandboxConfig(config)
                    .build())
            .getContainerId();
    pods.start(id);
    Eventually.holds("an answer of nginx", PATIENCE, () -> get(pod).endsWith("served\n"));
    node.killDaemon();
    node.start();
    Eventually.holds("another answer", PATIENCE, () -> get(pod).startsWith("HTTP/1.1 200"));
    Eventually.holds(
        "both requests in the log",
        PATIENCE,
        () ->
            pods.log(name, "nginx").stream()
                    .filter(line -> line.contains(" stdout F ") && line.contains("GET /"))
                    .count()
                >= 2);
    assertTrue(
        pods.log(name, "nginx").stream().anyMatch(line -> line.contains(" stderr F ")),
        "notices of nginx");
    pods.stop(id, 10);
    // QUIT is what its image names: it ends of itself, with 0.
    assertEquals(0, pods.status(id).getExitCode());
    assertEquals("Completed", pods.status(id).getReason());
    pods.remove(id);
    pods.stopPod(pod);
    pods.removePod(pod);
  }

  @Test
  void itServesAndEndsByItsImagesSignal() {
    serves("web", NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER).build());
  }

  @Test
  void itDoesSoWithUsersOfItsOwn() {
    IDMapping all = IDMapping.newBuilder().setHostId(0x6000_0000).setLength(65_536).build();
    serves(
        "users",
        NamespaceOption.newBuilder()
            .setPid(NamespaceMode.CONTAINER)
            .setUsernsOptions(
                UserNamespace.newBuilder()
                    .setMode(NamespaceMode.POD)
                    .addAllUids(List.of(all))
                    .addAllGids(List.of(all)))
            .build());
  }
}

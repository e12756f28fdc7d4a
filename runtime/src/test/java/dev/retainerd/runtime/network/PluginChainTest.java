package dev.retainerd.runtime.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plugins here are shell scripts, run as real processes; each records what it was given. */
class PluginChainTest {
  private static final String RESULT =
      "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"br\"},{\"name\":\"eth0\","
          + "\"sandbox\":\"/x\"}],\"ips\":[{\"address\":\"10.9.9.9/24\",\"interface\":0},"
          + "{\"address\":\"fd00::2/64\",\"interface\":1},"
          + "{\"address\":\"10.1.0.2/24\",\"interface\":1}]}";

  @TempDir Path folder;
  private Path conf;
  private Path bin;
  private Path calls;
  private PodNetworks networks;

  @BeforeEach
  void prepare() throws Exception {
    conf = Files.createDirectory(folder.resolve("conf"));
    bin = Files.createDirectory(folder.resolve("bin"));
    calls = Files.createDirectory(folder.resolve("calls"));
    networks = open(Duration.ofSeconds(20));
  }

  private PodNetworks open(Duration deadline) {
    return new PodNetworks(
        new NetworkSettings(
            conf,
            List.of(folder.resolve("empty"), bin),
            0,
            NetworkSettings.AddressPreference.IPV4,
            deadline,
            2));
  }

  private void plugin(String name, String body) throws Exception {
    String record =
        "#!/bin/sh\nn=$(ls %1$s | wc -l)\ncat > %1$s/$n-$CNI_COMMAND-%2$s\n".formatted(calls, name)
            + "env | grep ^CNI_ | sort > %1$s/$n-$CNI_COMMAND-%2$s.env\n".formatted(calls, name);
    Path file = bin.resolve(name);
    Files.writeString(file, record + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void list(String version, String... plugins) throws Exception {
    Files.writeString(
        conf.resolve("10-net.conflist"),
        "{\"cniVersion\":\""
            + version
            + "\",\"name\":\"net\",\"plugins\":["
            + String.join(",", plugins)
            + "]}");
  }

  private List<String> callNames() {
    List<String> names = new ArrayList<>();
    for (String name : calls.toFile().list()) {
      if (!name.endsWith(".env")) {
        names.add(name);
      }
    }
    // By the number in front, which counts two files a call.
    names.sort((a, b) -> Integer.compare(number(a), number(b)));
    return names.stream().map(name -> name.substring(name.indexOf('-') + 1)).toList();
  }

  private static int number(String name) {
    return Integer.parseInt(name.substring(0, name.indexOf('-')));
  }

  private JsonObject given(String call) throws Exception {
    return JsonParser.parseString(Files.readString(file(call))).getAsJsonObject();
  }

  private Path file(String call) {
    for (String name : calls.toFile().list()) {
      if (name.endsWith(call)) {
        return calls.resolve(name);
      }
    }
    throw new AssertionError("no call " + call + " in " + callNames());
  }

  private PodNetworkRequest request() {
    return PodNetworkRequest.of("s1", folder, "default", "web-0", "u-1");
  }

  @Test
  void aChainHandsEachResultOnAndTheLastOneCounts() throws Exception {
    plugin("one", "echo '" + RESULT + "'");
    plugin("two", "echo '" + RESULT.replace("10.1.0.2", "10.1.0.3") + "'");
    list("1.0.0", "{\"type\":\"one\",\"mtu\":1500}", "{\"type\":\"two\"}");
    List<Attachment> attached = networks.attach(request());
    assertEquals(1, attached.size());
    assertEquals(List.of("10.1.0.3", "fd00::2"), attached.getFirst().addresses());
    assertEquals(List.of("ADD-one", "ADD-two"), callNames());
    assertFalse(given("ADD-one").has("prevResult"));
    assertEquals(1500, given("ADD-one").get("mtu").getAsInt());
    assertEquals(JsonParser.parseString(RESULT), given("ADD-two").get("prevResult"));
    assertEquals("net", given("ADD-two").get("name").getAsString());
    assertEquals(
        List.of(
            "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;"
                + "K8S_POD_INFRA_CONTAINER_ID=s1;K8S_POD_UID=u-1",
            "CNI_COMMAND=ADD",
            "CNI_CONTAINERID=s1",
            "CNI_IFNAME=eth0",
            "CNI_NETNS=" + folder,
            "CNI_PATH=" + folder.resolve("empty") + ":" + bin),
        Files.readAllLines(file("ADD-one.env")));
  }

  @Test
  void delRunsBackwardsFromTheRecordAlone() throws Exception {
    plugin("one", "echo '" + RESULT + "'");
    plugin("two", "echo '" + RESULT + "'");
    list("0.4.0", "{\"type\":\"one\"}", "{\"type\":\"two\"}");
    List<Attachment> attached = networks.attach(request());
    Files.delete(conf.resolve("10-net.conflist"));
    PodNetworkRequest gone = PodNetworkRequest.of("s1", folder.resolve("gone"), "d", "w", "u");
    networks.check(request(), attached);
    networks.detach(gone, attached);
    assertEquals(
        List.of("ADD-one", "ADD-two", "CHECK-one", "CHECK-two", "DEL-two", "DEL-one"), callNames());
    assertEquals(JsonParser.parseString(RESULT), given("DEL-one").get("prevResult"));
    assertTrue(Files.readAllLines(file("DEL-one.env")).contains("CNI_NETNS="));
  }

  @Test
  void onlyWhatAPluginIsCapableOfReachesIt() throws Exception {
    plugin("one", "echo '" + RESULT + "'");
    plugin("two", "echo '" + RESULT + "'");
    list(
        "1.0.0",
        "{\"type\":\"one\",\"capabilities\":{\"ips\":true,\"mac\":true,\"dns\":true}}",
        "{\"type\":\"two\",\"capabilities\":{\"portMappings\":true,\"bandwidth\":true,"
            + "\"ips\":false,\"io.kubernetes.cri.pod-annotations\":true}}");
    networks.attach(
        request()
            .withAddresses(List.of("10.1.0.7/24"), Optional.of("02:00:00:00:00:01"))
            .withDns(
                Optional.of(new PodNetworkRequest.Dns(List.of("1.1.1.1"), List.of(), List.of())))
            .withBandwidth(Optional.of(new Bandwidth(OptionalLong.of(1000), OptionalLong.empty())))
            .withPod("/kubepods", Map.of("a", "b"))
            .withPortMappings(
                List.of(
                    new PodNetworkRequest.PortMapping(8080, 80, "tcp", ""),
                    new PodNetworkRequest.PortMapping(0, 81, "tcp", ""))));
    assertEquals(
        "{\"dns\":{\"servers\":[\"1.1.1.1\"],\"searches\":[],\"options\":[]},"
            + "\"ips\":[\"10.1.0.7/24\"],\"mac\":\"02:00:00:00:00:01\"}",
        sorted(given("ADD-one").getAsJsonObject("runtimeConfig")));
    assertEquals(
        "{\"bandwidth\":{\"ingressRate\":1000,\"ingressBurst\":4294967295},"
            + "\"io.kubernetes.cri.pod-annotations\":{\"a\":\"b\"},"
            + "\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\","
            + "\"hostIP\":\"\"}]}",
        sorted(given("ADD-two").getAsJsonObject("runtimeConfig")));
    assertFalse(given("ADD-one").has("capabilities"));
  }

  private static String sorted(JsonObject object) {
    JsonObject sorted = new JsonObject();
    object.keySet().stream().sorted().forEach(key -> sorted.add(key, object.get(key)));
    if (sorted.has("dns")) {
      JsonObject dns = sorted.getAsJsonObject("dns");
      JsonObject ordered = new JsonObject();
      List.of("servers", "searches", "options").forEach(key -> ordered.add(key, dns.get(key)));
      sorted.add("dns", ordered);
    }
    return sorted.toString();
  }

  @Test
  void aPluginsOwnReasonReachesTheCallerAndTheChainIsUndone() throws Exception {
    plugin("one", "echo '" + RESULT + "'");
    plugin(
        "two",
        "[ $CNI_COMMAND = DEL ] && exit 0\n"
            + "echo '{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"pool is dry\","
            + "\"details\":\"ask later\"}'; exit 1");
    list("1.0.0", "{\"type\":\"one\"}", "{\"type\":\"two\"}");
    Refusal refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertEquals(
        "plugin \"two\" of network \"net\" (ADD for pod s1) failed: pool is dry; ask later"
            + " (code 11)",
        refusal.sentence());
    assertTrue(refusal.is(Refusal.Code.UNAVAILABLE));
    assertEquals(List.of("ADD-one", "ADD-two", "DEL-two", "DEL-one"), callNames());
  }

  @Test
  void garbageIsNamedWithItsFirstCharacters() throws Exception {
    plugin("one", "[ $CNI_COMMAND = DEL ] || printf 'Usage:\\033[1m one [flags]\\n'");
    list("1.0.0", "{\"type\":\"one\"}");
    Refusal refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertEquals(
        "plugin \"one\" of network \"net\" (ADD for pod s1) printed what is no CNI result: "
            + "Usage: [1m one [flags]",
        refusal.sentence());
    plugin("one", "echo oops >&2; exit 3");
    refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertEquals(
        "plugin \"one\" of network \"net\" (ADD for pod s1) exited with 3 without saying why in"
            + " CNI's form; standard error: oops",
        refusal.sentence());
    plugin("one", "");
    refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertTrue(refusal.sentence().endsWith("printed nothing"), refusal.sentence());
    plugin("one", "[ $CNI_COMMAND = DEL ] || yes");
    refusal = assertThrows(Refusal.class, () -> open(Duration.ofSeconds(2)).attach(request()));
    assertTrue(refusal.is(Refusal.Code.DEADLINE_EXCEEDED));
    plugin("one", "[ $CNI_COMMAND = DEL ] || yes | head -c 5000000");
    refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertTrue(refusal.sentence().contains("more than 4 MiB"), refusal.sentence());
  }

  @Test
  void aPluginThatHangsIsKilledWithItsChildren() throws Exception {
    Path pids = folder.resolve("pids");
    plugin(
        "one",
        "[ $CNI_COMMAND = DEL ] && exit 0\n"
            + "sleep 600 & echo $! >> "
            + pids
            + "; echo $$ >> "
            + pids
            + "; echo stuck >&2; wait");
    list("1.0.0", "{\"type\":\"one\"}");
    Refusal refusal =
        assertThrows(Refusal.class, () -> open(Duration.ofSeconds(1)).attach(request()));
    assertTrue(refusal.is(Refusal.Code.DEADLINE_EXCEEDED));
    assertTrue(
        refusal
            .sentence()
            .contains("did not end within 1000 ms and was killed; it had said: stuck"),
        refusal.sentence());
    for (String pid : Files.readAllLines(pids)) {
      Optional<ProcessHandle> left = ProcessHandle.of(Long.parseLong(pid));
      if (left.isPresent()) {
        left.get().onExit().get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void aChildThatKeepsTheOutputOpenDoesNotHoldUpTheResult() throws Exception {
    Path pid = folder.resolve("pid");
    plugin("one", "sleep 600 & echo $! > " + pid + "; echo '" + RESULT + "'");
    list("1.0.0", "{\"type\":\"one\"}");
    try {
      assertEquals("10.1.0.2", networks.attach(request()).getFirst().addresses().getFirst());
    } finally {
      ProcessHandle.of(Long.parseLong(Files.readString(pid).trim()))
          .ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void aFailingDelStillReachesTheOtherPluginsAndCanBeRepeated() throws Exception {
    plugin("one", "");
    plugin(
        "two", "[ -e " + folder + "/mended ] || { echo '{\"code\":7,\"msg\":\"busy\"}'; exit 1; }");
    list("1.0.0", "{\"type\":\"one\"}", "{\"type\":\"two\"}");
    Refusal refusal = assertThrows(Refusal.class, () -> networks.detach(request(), List.of()));
    assertTrue(refusal.sentence().contains("busy"), refusal.sentence());
    assertEquals(List.of("DEL-two", "DEL-one"), callNames());
    Files.createFile(folder.resolve("mended"));
    networks.detach(request(), List.of());
  }

  @Test
  void readinessFollowsTheFolder() throws Exception {
    NetworkStatus status = networks.status();
    assertFalse(status.ready());
    assertEquals(NetworkStatus.NOT_READY, status.reason());
    assertTrue(status.message().contains("put a .conflist there"), status.message());
    assertThrows(Refusal.class, () -> networks.attach(request()));
    plugin(
        "one",
        "[ -e " + folder + "/up ] || { echo '{\"code\":50,\"msg\":\"no route\"}'; exit 1; }");
    list("1.0.0", "{\"type\":\"one\"}");
    assertTrue(networks.status().ready());
    list("1.1.0", "{\"type\":\"one\"}");
    assertTrue(networks.status().message().contains("no route"), networks.status().message());
    Files.createFile(folder.resolve("up"));
    assertTrue(networks.status().ready());
  }

  @Test
  void garbageCollectionNamesTheLivingPods() throws Exception {
    plugin("one", "");
    list("1.1.0", "{\"type\":\"one\"}");
    assertEquals(List.of(), networks.collect(List.of("s1")));
    assertEquals(
        "[{\"containerID\":\"s1\",\"ifname\":\"eth0\"}]",
        given("GC-one").get("cni.dev/valid-attachments").toString());
  }

  @Test
  void aPluginThatIsNotInstalledIsNamedWithTheFolders() throws Exception {
    list("1.0.0", "{\"type\":\"absent\"}");
    Refusal refusal = assertThrows(Refusal.class, () -> networks.attach(request()));
    assertTrue(refusal.is(Refusal.Code.FAILED_PRECONDITION));
    assertTrue(refusal.sentence().contains("is not installed"), refusal.sentence());
    networks.detach(request(), List.of());
  }

  @Test
  void aPodNameCannotSmuggleInAnArgument() throws Exception {
    plugin("one", "echo '" + RESULT + "'");
    list("1.0.0", "{\"type\":\"one\"}");
    PodNetworkRequest hostile = PodNetworkRequest.of("s1", folder, "d", "x;IP=1.2.3.4", "u");
    assertTrue(
        assertThrows(Refusal.class, () -> networks.attach(hostile))
            .is(Refusal.Code.INVALID_ARGUMENT));
    networks.detach(hostile, List.of());
    assertFalse(
        Files.readString(file("DEL-one.env"), StandardCharsets.UTF_8).contains("IP=1.2.3.4"));
  }

  @Test
  void bandwidthAnnotationsAreQuantities() {
    Bandwidth limit =
        Bandwidth.fromAnnotations(
                Map.of(
                    "kubernetes.io/ingress-bandwidth", "10M",
                    "kubernetes.io/egress-bandwidth", "1.5Ki"))
            .orElseThrow();
    assertEquals(10_000_000, limit.ingressBitsPerSecond().getAsLong());
    assertEquals(1536, limit.egressBitsPerSecond().getAsLong());
    for (String bad : List.of("", "fast", "1", "2P", "-5M", "99999999999999999999E")) {
      assertThrows(
          Refusal.class,
          () -> Bandwidth.fromAnnotations(Map.of("kubernetes.io/ingress-bandwidth", bad)),
          bad);
    }
  }
}

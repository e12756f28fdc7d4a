package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigReaderTest {
  @TempDir Path folder;

  private Path file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private LoadedConfig read(String text) throws IOException {
    return ConfigReader.read(file("config.toml", text));
  }

  private List<Problem> refused(String text) throws IOException {
    Path file = file("config.toml", text);
    return assertThrows(ConfigException.class, () -> ConfigReader.read(file)).problems();
  }

  private void refusedWith(String text, int line, String... words) throws IOException {
    List<Problem> problems = refused(text);
    assertEquals(1, problems.size(), problems::toString);
    assertEquals(folder.resolve("config.toml"), problems.getFirst().file());
    assertEquals(line, problems.getFirst().line(), problems::toString);
    for (String word : words) {
      assertTrue(problems.getFirst().sentence().contains(word), problems + " lacks " + word);
    }
  }

  private static String from(LoadedConfig loaded, String key) {
    return loaded.explain().stream()
        .filter(line -> line.key().equals(key))
        .map(LoadedConfig.Explained::from)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void noFileGivesDefaults() {
    DaemonConfig config = ConfigReader.defaults().config();
    assertEquals(Path.of("/var/lib/retainerd"), config.root());
    assertEquals(Path.of("/run/retainerd/retainerd.sock"), config.socket().address());
    assertEquals("runc", config.defaultRuntime().engine());
    assertEquals(110, config.retain().podsPerShim());
    assertEquals(1, config.retain().spareShims());
    assertEquals(RetainSettings.Durability.POWER_LOSS, config.retain().durability());
    assertEquals(Optional.empty(), config.images().sandboxImage());
  }

  @Test
  void anEmptyFileIsVersionOneWithDefaults() throws IOException {
    assertEquals(ConfigReader.defaults().config(), read("").config());
  }

  @Test
  void versionOneOfAnOldNode() throws IOException {
    LoadedConfig loaded =
        read(
            """
            root = "/data/containerd"
            state = "/run/old"
            oom_score = -999
            subreaper = true

            [grpc]
              address = "/run/old/containerd.sock"
              uid = 0
              gid = 7

            [plugins]
              [plugins.linux]
                shim = "containerd-shim"
                runtime = "/usr/local/sbin/runc"
              [plugins.cri]
                sandbox_image = "k8s.gcr.io/pause:3.1"
                stream_server_port = "10010"
                systemd_cgroup = true
                [plugins.cri.containerd.default_runtime]
                  runtime_type = "io.containerd.runtime.v1.linux"
                  runtime_engine = "/usr/bin/crun"
                  runtime_root = "/run/old/crun"
                [plugins.cri.cni]
                  bin_dir = "/home/kubernetes/bin"
                  conf_dir = "/etc/cni/net.d"
                [plugins.cri.registry.mirrors."docker.io"]
                  endpoint = ["https://mirror.gcr.io"]
            """);
    DaemonConfig config = loaded.config();
    assertEquals(Path.of("/data/containerd"), config.root());
    assertEquals(7, config.socket().gid());
    assertEquals("default", config.defaultRuntimeName());
    assertEquals("/usr/bin/crun", config.defaultRuntime().engine());
    assertEquals(Optional.of(Path.of("/run/old/crun")), config.defaultRuntime().runtimeRoot());
    assertTrue(config.defaultRuntime().systemdCgroup());
    assertTrue(config.defaultRuntime().servedByOurShim());
    assertEquals(Optional.of("k8s.gcr.io/pause:3.1"), config.images().sandboxImage());
    assertEquals(10010, config.streams().port());
    assertEquals(List.of(Path.of("/home/kubernetes/bin")), config.cni().binDirs());
    List<Integer> lines = loaded.warnings().stream().map(Problem::line).sorted().toList();
    assertEquals(List.of(3, 4, 13, 27), lines, () -> loaded.warnings().toString());
    assertEquals(
        folder.resolve("config.toml") + ":24 (plugins.cri.cni.bin_dir)",
        from(loaded, "plugins.\"io.containerd.cri.v1.runtime\".cni.bin_dirs"));
  }

  @Test
  void versionOneEngineOfTheLinuxPluginAlone() throws IOException {
    LoadedConfig loaded =
        read(
            """
            [plugins.linux]
            shim = "/opt/retainerd/bin/containerd-shim-retain-v1"
            runtime = "/usr/bin/crun"
            """);
    assertEquals("/usr/bin/crun", loaded.config().defaultRuntime().engine());
    assertEquals(
        Optional.of(Path.of("/opt/retainerd/bin/containerd-shim-retain-v1")),
        loaded.config().retain().shimPath());
    assertEquals(List.of(), loaded.warnings());
  }

  @Test
  void theLinuxPluginOfOldSaysNothingAboutRuntimesOfNewerType() throws IOException {
    LoadedConfig loaded =
        read(
            """
            version = 2
            [plugins."io.containerd.runtime.v1.linux"]
            runtime = "/opt/old/runc"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
            runtime_type = "io.containerd.runc.v2"
            """);
    assertEquals("runc", loaded.config().defaultRuntime().engine());
  }

  @Test
  void versionTwoOfAKubernetesNode() throws IOException {
    LoadedConfig loaded =
        read(
            """
            version = 2
            [plugins."io.containerd.grpc.v1.cri"]
              restrict_oom_score_adj = true
              stream_idle_timeout = "1h30m"
              [plugins."io.containerd.grpc.v1.cri".containerd]
                default_runtime_name = "crun"
                snapshotter = "overlayfs"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
                  runtime_type = "io.containerd.runc.v2"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
                    BinaryName = "/usr/bin/crun"
                    SystemdCgroup = true
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
                  runtime_type = "io.containerd.kata.v2"
                  snapshotter = "devmapper"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
                    ConfigPath = "/etc/kata.toml"
              [plugins."io.containerd.grpc.v1.cri".registry]
                config_path = "/etc/containerd/certs.d"
            """);
    DaemonConfig config = loaded.config();
    assertEquals("crun", config.defaultRuntimeName());
    assertEquals("/usr/bin/crun", config.defaultRuntime().engine());
    assertTrue(config.defaultRuntime().systemdCgroup());
    assertFalse(config.runtimes().get("runc").systemdCgroup());
    assertFalse(config.runtimes().get("kata").servedByOurShim());
    assertEquals("/etc/kata.toml", config.runtimes().get("kata").options().get("ConfigPath"));
    assertTrue(config.cri().restrictOomScoreAdj());
    assertEquals(Duration.ofMinutes(90), config.streams().idleTimeout());
    assertEquals(List.of(Path.of("/etc/containerd/certs.d")), config.images().registryConfigDirs());
    // What another shim would do with it is nothing to start or not to start for.
    assertEquals(1, loaded.warnings().size(), () -> loaded.warnings().toString());
    assertEquals(14, loaded.warnings().getFirst().line());
    assertTrue(
        loaded.warnings().getFirst().sentence().contains("pods of \"kata\" will be refused"),
        () -> loaded.warnings().toString());
  }

  @Test
  void eachRuntimeSaysWhereItsContainersStand() throws IOException {
    LoadedConfig loaded =
        read(
            """
            version = 3
            [plugins.'io.containerd.cri.v1.images']
              snapshotter = 'native'
            [plugins.'io.containerd.cri.v1.images'.runtime_platforms.pulled]
              snapshotter = 'overlayfs'
            [plugins.'io.containerd.cri.v1.images'.runtime_platforms.both]
              snapshotter = 'native'
            [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.pulled]
              runtime_type = 'io.containerd.runc.v2'
            [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.both]
              runtime_type = 'io.containerd.runc.v2'
              snapshotter = 'overlayfs'
            [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
              snapshotter = ''
            """);
    DaemonConfig config = loaded.config();
    assertEquals("native", config.images().snapshotter());
    assertEquals(Optional.empty(), config.runtimes().get("runc").snapshotter());
    assertEquals(Optional.of("overlayfs"), config.runtimes().get("pulled").snapshotter());
    assertEquals(Optional.of("overlayfs"), config.runtimes().get("both").snapshotter());
    assertEquals(1, loaded.warnings().size(), () -> loaded.warnings().toString());
    assertEquals(7, loaded.warnings().getFirst().line());
  }

  @Test
  void aSnapshotterThatIsNotThereIsRefused() throws IOException {
    refusedWith(
        """
        version = 2
        [plugins."io.containerd.grpc.v1.cri".containerd]
          snapshotter = "stargz"
        """,
        3,
        "\"native\", \"overlayfs\"",
        "\"stargz\"");
    refusedWith(
        """
        version = 3
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          snapshotter = 'overlay'
        """,
        3,
        "runtimes.runc.snapshotter",
        "\"overlay\"");
  }

  @Test
  void versionThreeWithOurOwnTable() throws IOException {
    LoadedConfig loaded =
        read(
            """
            version = 3
            [plugins.'io.containerd.cri.v1.images'.pinned_images]
              sandbox = 'registry.k8s.io/pause:3.10'
            [plugins.'io.containerd.cri.v1.runtime'.cni]
              bin_dir = ''
              bin_dirs = ['/a', '/b']
            [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
              NoPivotRoot = true
            [retain]
              durability = "process-crash"
              pods_per_shim = 1
              log_roll = "hourly"
            """);
    assertEquals(List.of(Path.of("/a"), Path.of("/b")), loaded.config().cni().binDirs());
    assertTrue(loaded.config().defaultRuntime().noPivotRoot());
    assertEquals(1, loaded.config().retain().podsPerShim());
    assertEquals(RetainSettings.Durability.PROCESS_CRASH, loaded.config().retain().durability());
    assertEquals(List.of(), loaded.warnings());
  }

  @Test
  void aKeyWithoutMeaningWarnsOnceHoweverOftenItIsSet() throws IOException {
    file("conf.d/1.toml", "version = 2\noom_score = 2\n");
    LoadedConfig loaded =
        read("version = 2\noom_score = 1\nimports = [\"conf.d/*.toml\"]\n[timeouts]\na = \"1s\"\n");
    assertEquals(2, loaded.warnings().size(), () -> loaded.warnings().toString());
  }

  @Test
  void unknownKeyNamesItsPlaceAndTheNearestKey() throws IOException {
    refusedWith("version = 2\n\nrooot = \"/x\"\n", 3, "rooot", "did you mean root?");
  }

  @Test
  void unknownKeyDeepInAPluginNamesTheNearestKey() throws IOException {
    refusedWith(
        """
        version = 3
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
        runtime_typ = 'io.containerd.runc.v2'
        """,
        3,
        "runtimes.runc.runtime_type?");
  }

  @Test
  void misspeltOptionOfRuncIsRefused() throws IOException {
    refusedWith(
        """
        version = 3
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        SystemdCgroups = true
        """,
        3,
        "did you mean SystemdCgroup?");
  }

  @Test
  void unknownPluginIsRefused() throws IOException {
    refusedWith(
        "version = 2\n[plugins.\"io.containerd.grpc.v1.crii\"]\nx = 1\n",
        2,
        "io.containerd.grpc.v1.cri");
  }

  @Test
  void keyOfAnotherVersionIsRefusedWithItsNameInThisOne() throws IOException {
    refusedWith(
        "version = 3\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"x\"\n",
        3,
        "belongs to config version 2",
        "io.containerd.cri.v1.images\".pinned_images.sandbox");
  }

  @Test
  void newPluginInAFileWithoutVersionTellsToSetIt() throws IOException {
    refusedWith(
        "[plugins.\"io.containerd.cri.v1.runtime\"]\nenable_cdi = true\n", 1, "version = 3");
  }

  @Test
  void wrongTypeIsRefused() throws IOException {
    refusedWith("version = 2\n[grpc]\nuid = \"root\"\n", 3, "grpc.uid takes an integer", "string");
  }

  @Test
  void valueWhereATableBelongsIsRefused() throws IOException {
    refusedWith("version = 2\ngrpc = 5\n", 2, "grpc takes a table, not an integer");
  }

  @Test
  void unsupportedVersionIsRefusedWithTheMend() throws IOException {
    refusedWith("version = 4\n[foo]\n", 1, "version 4 is not supported", "version 3, 2 or 1");
    refusedWith("version = -1\n", 1, "version -1 is not supported");
    refusedWith("version = \"2\"\n", 1, "version takes an integer");
  }

  @Test
  void brokenTomlNamesItsLine() throws IOException {
    List<Problem> problems = refused("version = 2\nroot = \n");
    assertEquals(2, problems.getFirst().line());
  }

  @Test
  void aKeyGivenTwiceInAFileIsRefused() throws IOException {
    assertEquals(3, refused("version = 2\nroot = \"/a\"\nroot = \"/b\"\n").getFirst().line());
  }

  @Test
  void everyProblemIsNamedAtOnce() throws IOException {
    List<Problem> problems =
        refused("version = 2\nrooot = \"/x\"\nstate = \"rel\"\n[grpc]\nuid = -1\n");
    assertEquals(List.of(2, 5, 3), sortedLikeFound(problems), problems::toString);
  }

  private static List<Integer> sortedLikeFound(List<Problem> problems) {
    return List.of(2, 5, 3).stream()
        .filter(line -> problems.stream().anyMatch(problem -> problem.line() == line))
        .toList();
  }

  @Test
  void relativeAndClimbingPathsAreRefused() throws IOException {
    refusedWith("version = 2\nroot = \"var/lib\"\n", 2, "absolute");
    refusedWith("version = 2\nroot = \"/var/../lib\"\n", 2, "..");
    refusedWith("version = 2\nroot = \"/run/x/root\"\nstate = \"/run/x\"\n", 2, "reboot");
    refusedWith("version = 2\nroot = \"/r\"\nstate = \"/r\"\n", 2, "reboot");
  }

  @Test
  void aSocketPathTooLongForTheKernelIsRefused() throws IOException {
    refusedWith("version = 2\n[grpc]\naddress = \"/" + "a".repeat(120) + "\"\n", 3, "at most 107");
  }

  @Test
  void aStateTooDeepForTheSocketsOfShimsIsRefused() throws IOException {
    String longest = "/tmp/" + "s".repeat(77);
    String deeper = longest + "s";
    refusedWith("version = 2\nstate = \"" + deeper + "\"\n", 2, "set a shorter state");
    Path socket =
        read("version = 2\nstate = \"" + longest + "\"\n")
            .config()
            .state()
            .resolve("shims/0123456789ab/sock");
    // As long as the JDK's sockets take it, and not a byte longer.
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      Files.createDirectories(socket.getParent());
      listener.bind(UnixDomainSocketAddress.of(socket));
    } finally {
      Files.deleteIfExists(socket);
      Files.delete(socket.getParent());
      Files.delete(socket.getParent().getParent());
      Files.delete(Path.of(longest));
    }
  }

  @Test
  void defaultRuntimeThatIsNotConfiguredIsRefused() throws IOException {
    refusedWith(
        """
        version = 2
        [plugins."io.containerd.grpc.v1.cri".containerd]
        default_runtime_name = "gvisor"
        """,
        3,
        "gvisor",
        "runc");
  }

  @Test
  void laterDropInWinsAndExplainShowsBoth() throws IOException {
    file("conf.d/10-a.toml", "version = 2\nroot = \"/a\"\n");
    file("conf.d/20-b.toml", "version = 3\nroot = \"/b\"\n");
    LoadedConfig loaded = read("version = 2\nroot = \"/main\"\nimports = [\"conf.d/*.toml\"]\n");
    assertEquals(Path.of("/b"), loaded.config().root());
    String from = from(loaded, "root");
    assertEquals(
        folder.resolve("conf.d/20-b.toml")
            + ":2, overrides \"/a\" of "
            + folder.resolve("conf.d/10-a.toml")
            + ":2, \"/main\" of "
            + folder.resolve("config.toml")
            + ":2",
        from);
    assertEquals(3, loaded.files().size());
    assertEquals(1, loaded.warnings().size(), () -> loaded.warnings().toString());
    Problem warning = loaded.warnings().getFirst();
    assertEquals(folder.resolve("conf.d/20-b.toml"), warning.file());
    assertTrue(warning.sentence().contains("10-a.toml:2"), warning::sentence);
  }

  @Test
  void aDropInCannotEmptyATopLevelValueButAPluginsOne() throws IOException {
    file(
        "drop.toml",
        """
        version = 3
        root = ""
        [plugins.'io.containerd.cri.v1.runtime']
        restrict_oom_score_adj = false
        """);
    LoadedConfig loaded =
        read(
            """
            version = 3
            root = "/main"
            imports = ["drop.toml"]
            [plugins.'io.containerd.cri.v1.runtime']
            restrict_oom_score_adj = true
            """);
    assertEquals(Path.of("/main"), loaded.config().root());
    assertFalse(loaded.config().cri().restrictOomScoreAdj());
    assertEquals(List.of(), loaded.warnings());
  }

  @Test
  void importsThatGoInACircleAreRefused() throws IOException {
    Path drop = file("drop.toml", "version = 2\n\nimports = [\"config.toml\"]\n");
    List<Problem> problems = refused("version = 2\nimports = [\"drop.toml\"]\n");
    assertEquals(1, problems.size());
    assertEquals(drop + ":3", problems.getFirst().toString().substring(0, (drop + ":3").length()));
    refusedWith("version = 2\nimports = [\"config.toml\"]\n", 2, "imports this file");
  }

  @Test
  void aGlobThatMatchesItsOwnFileIsNoCircle() throws IOException {
    file("other.toml", "version = 2\nimports = [\"*.toml\"]\nroot = \"/other\"\n");
    assertEquals(Path.of("/other"), read("version = 2\nimports = [\"*.toml\"]\n").config().root());
  }

  @Test
  void aFileImportedTwiceIsReadOnce() throws IOException {
    file("a.toml", "version = 2\nimports = [\"c.toml\"]\n");
    file("b.toml", "version = 2\nimports = [\"c.toml\"]\n");
    file("c.toml", "version = 2\nroot = \"/c\"\n");
    LoadedConfig loaded = read("version = 2\nimports = [\"a.toml\", \"b.toml\"]\n");
    assertEquals(4, loaded.files().size());
    assertEquals(folder.resolve("c.toml") + ":2", from(loaded, "root"));
  }

  @Test
  void aMissingImportIsRefusedButAnEmptyGlobIsNot() throws IOException {
    refusedWith("version = 2\nimports = [\"gone.toml\"]\n", 2, "gone.toml", "does not exist");
    read("version = 2\nimports = [\"gone.d/*.toml\"]\n");
  }

  @Test
  void aMissingFileIsRefused() {
    Path gone = folder.resolve("gone.toml");
    ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigReader.read(gone));
    assertTrue(refusal.getMessage().startsWith(gone + ": there is no such file"));
  }

  @Test
  void theDumpReadAgainIsTheSameConfig() throws IOException {
    LoadedConfig first =
        read(
            """
            version = 2
            root = "/r"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
              runtime_engine = "/usr/bin/crun"
              pod_annotations = ["a.b/*"]
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
              runtime_type = "io.containerd.kata.v2"
              options = { ConfigPath = "/x \\"y\\"", Nested = { a = 1, "b.c" = [1.5, 2.0] } }
            """);
    LoadedConfig second = read(first.toToml());
    assertEquals(first.config(), second.config());
    assertEquals(
        first.warnings().stream().map(Problem::sentence).toList(),
        second.warnings().stream().map(Problem::sentence).toList());
  }

  @Test
  void thePrintedDefaultReadAgainIsTheDefault() throws IOException {
    LoadedConfig loaded = read(TomlWriter.defaults(KeyTable.load()));
    assertEquals(ConfigReader.defaults().config(), loaded.config());
    assertEquals(List.of(), loaded.warnings());
  }
}

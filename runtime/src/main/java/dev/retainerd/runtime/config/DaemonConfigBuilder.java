package dev.retainerd.runtime.config;

import static dev.retainerd.runtime.config.SettingNames.CRI;
import static dev.retainerd.runtime.config.SettingNames.GRPC;
import static dev.retainerd.runtime.config.SettingNames.IMAGES;
import static dev.retainerd.runtime.config.SettingNames.RETAIN;
import static dev.retainerd.runtime.config.SettingNames.RUNTIME;
import static dev.retainerd.runtime.config.SettingNames.SNAPSHOTTERS;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Turns merged settings into a {@link DaemonConfig}; problems go where the values send them. */
final class DaemonConfigBuilder {
  private static final int SOCKET_PATH_BYTES = 107;

  /** The JDK's sockets, which the shims are reached by, take one byte less. */
  private static final int SHIM_SOCKET_BYTES = SOCKET_PATH_BYTES - 1;

  private static final int MOST = Integer.MAX_VALUE;
  private static final int MAX_ID = Integer.MAX_VALUE;

  private final SettingValues values;

  DaemonConfigBuilder(SettingValues values) {
    this.values = values;
  }

  DaemonConfig build() {
    Path root = values.path(Key.of("root"));
    Path state = values.path(Key.of("state"));
    checkShimSockets(state);
    if (root.startsWith(state)) {
      values.problem(
          Key.of("root"),
          "root %s stands in state %s, which a reboot may empty; move one of them",
          root,
          state);
    }
    RuntimeTable runtimes = RuntimeTable.read(values);
    return new DaemonConfig(
        root,
        state,
        logLevel(),
        socket(state),
        cri(),
        streams(),
        cni(),
        images(),
        runtimes.handlers(),
        runtimes.defaultName(),
        retain(runtimes.shimPath()));
  }

  private String logLevel() {
    Key key = Key.of("debug", "level");
    String level = values.text(key).toLowerCase(Locale.ROOT);
    return switch (level) {
      case "trace", "debug", "info", "warn", "error" -> level;
      case "warning" -> "warn";
      case "fatal", "panic" -> "error";
      default -> {
        values.problem(key, "%s takes trace, debug, info, warn or error, not \"%s\"", key, level);
        yield "info";
      }
    };
  }

  private SocketSettings socket(Path state) {
    Key key = GRPC.child("address");
    String text = values.text(key);
    Path address =
        text.isEmpty()
            ? state.resolve("retainerd.sock")
            : values.checked(key, text.startsWith("unix://") ? text.substring(7) : text);
    checkSocket(
        text.isEmpty() ? Key.of("state") : key,
        address,
        SOCKET_PATH_BYTES,
        "the socket %s has %d bytes, a socket's path at most %d; set a shorter grpc.address");
    return new SocketSettings(
        address,
        (int) values.integer(GRPC.child("uid"), 0, MAX_ID),
        (int) values.integer(GRPC.child("gid"), 0, MAX_ID),
        messageBytes(GRPC.child("max_recv_message_size")),
        messageBytes(GRPC.child("max_send_message_size")));
  }

  /** Without room for them the daemon would start, and no container would. */
  private void checkShimSockets(Path state) {
    checkSocket(
        Key.of("state"),
        state.resolve("shims/0123456789ab/sock"),
        SHIM_SOCKET_BYTES,
        "the sockets of shims, such as %s, have %d bytes, and may have %d; set a shorter state");
  }

  private void checkSocket(Key culprit, Path socket, int most, String sentence) {
    int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > most) {
      values.problem(culprit, sentence, socket, bytes, most);
    }
  }

  private int messageBytes(Key key) {
    long bytes = values.integer(key, 0, MOST);
    return bytes == 0 ? 16 << 20 : (int) bytes;
  }

  private CriSettings cri() {
    Key seccomp = RUNTIME.child("unset_seccomp_profile");
    String profile = values.text(seccomp);
    boolean known =
        Set.of("", "unconfined", "runtime/default", "docker/default").contains(profile)
            || profile.startsWith("localhost/");
    if (!known) {
      values.problem(
          seccomp,
          "%s takes \"\", \"unconfined\", \"runtime/default\" or \"localhost/FILE\", not \"%s\"",
          seccomp,
          profile);
    }
    Key cdi = RUNTIME.child("cdi_spec_dirs");
    List<Path> cdiFolders = new ArrayList<>();
    for (String folder : values.texts(cdi, cdi)) {
      cdiFolders.add(values.checked(cdi, folder));
    }
    return new CriSettings(
        values.flag(RUNTIME.child("restrict_oom_score_adj")),
        (int) values.integer(RUNTIME.child("max_container_log_line_size"), -1, MOST),
        profile,
        values.flag(RUNTIME.child("enable_selinux")),
        values.flag(RUNTIME.child("disable_apparmor")),
        values.flag(RUNTIME.child("tolerate_missing_hugetlb_controller")),
        values.flag(RUNTIME.child("disable_hugetlb_controller")),
        values.flag(RUNTIME.child("device_ownership_from_security_context")),
        values.flag(RUNTIME.child("ignore_image_defined_volumes")),
        values.flag(RUNTIME.child("enable_unprivileged_ports")),
        values.flag(RUNTIME.child("enable_unprivileged_icmp")),
        values.duration(RUNTIME.child("drain_exec_sync_io_timeout")),
        values.flag(RUNTIME.child("enable_cdi")),
        cdiFolders);
  }

  private StreamServerSettings streams() {
    Key port = CRI.child("stream_server_port");
    String text = values.text(port);
    int number = text.matches("\\d{1,5}") ? Integer.parseInt(text) : -1;
    if (number < 0 || number > 65535) {
      values.problem(port, "%s takes a port from \"0\" to \"65535\", not \"%s\"", port, text);
    }
    Key tls = CRI.child("enable_tls_streaming");
    Key pair = CRI.child("x509_key_pair_streaming");
    Optional<Path> certificate = values.optionalPath(pair.child("tls_cert_file"));
    Optional<Path> key = values.optionalPath(pair.child("tls_key_file"));
    if (certificate.isPresent() != key.isPresent()) {
      String there = certificate.isPresent() ? "tls_cert_file" : "tls_key_file";
      values.problem(pair.child(there), "%s is set without the other of its pair; set both", there);
    } else if (certificate.isPresent() && !values.flag(tls)) {
      values.problem(pair.child("tls_cert_file"), "tls_cert_file needs %s; set it to true", tls);
    }
    return new StreamServerSettings(
        values.text(CRI.child("stream_server_address")),
        number,
        values.duration(CRI.child("stream_idle_timeout")),
        values.flag(tls),
        certificate,
        key);
  }

  private CniSettings cni() {
    Key cni = RUNTIME.child("cni");
    Key bins = cni.child("bin_dirs");
    List<Path> folders = new ArrayList<>();
    for (String folder : values.texts(bins, bins)) {
      folders.add(values.checked(bins, folder));
    }
    Key preference = cni.child("ip_pref");
    String first = values.oneOf(preference, Set.of("", "ipv4", "ipv6", "cni"));
    return new CniSettings(
        folders,
        values.path(cni.child("conf_dir")),
        (int) values.integer(cni.child("max_conf_num"), 0, MOST),
        first.isEmpty() ? "ipv4" : first,
        values.flag(cni.child("use_internal_loopback")));
  }

  private ImageSettings images() {
    Key configPath = IMAGES.child("registry").child("config_path");
    List<Path> folders = new ArrayList<>();
    for (String folder : values.text(configPath).split(":")) {
      if (!folder.isEmpty()) {
        folders.add(values.checked(configPath, folder));
      }
    }
    Map<String, String> pinned = new LinkedHashMap<>();
    for (Key key : values.settings().below(IMAGES.child("pinned_images"))) {
      String image = values.text(key);
      if (!image.isEmpty()) {
        pinned.put(key.last(), image);
      }
    }
    return new ImageSettings(
        folders,
        values.oneOf(IMAGES.child("snapshotter"), SNAPSHOTTERS),
        pinned,
        (int) values.integer(IMAGES.child("max_concurrent_downloads"), 1, 1000),
        values.duration(IMAGES.child("image_pull_progress_timeout")));
  }

  private RetainSettings retain(Optional<Path> compatShim) {
    Key blockKey = RETAIN.child("log_block_bytes");
    int block = (int) values.integer(blockKey, 1 << 20, 1 << 30);
    if (Integer.bitCount(block) != 1) {
      values.problem(blockKey, "%s takes a power of two, not %d", blockKey, block);
    }
    String durability =
        values.oneOf(RETAIN.child("durability"), Set.of("power-loss", "process-crash"));
    String roll = values.oneOf(RETAIN.child("log_roll"), Set.of("hourly", "daily"));
    return new RetainSettings(
        durability.equals("power-loss")
            ? RetainSettings.Durability.POWER_LOSS
            : RetainSettings.Durability.PROCESS_CRASH,
        (int) values.integer(RETAIN.child("pods_per_shim"), 1, 1000),
        (int) values.integer(RETAIN.child("spare_shims"), 0, 100),
        (int) values.integer(RETAIN.child("idle_shim_millis"), 0, 86_400_000),
        values.optionalPath(RETAIN.child("shim_path")).or(() -> compatShim),
        values.path(RETAIN.child("pause_path")),
        RetainSettings.LogRoll.valueOf(roll.toUpperCase(Locale.ROOT)),
        block,
        logRetention(),
        checkpointCopy(),
        values.optionalPath(RETAIN.child("checkpoint_copy_ca")),
        values.optionalPath(RETAIN.child("identity_file")),
        (int) values.integer(RETAIN.child("snapshot_every_events"), 1, MOST),
        values.integer(RETAIN.child("reserve_bytes"), 0, Long.MAX_VALUE),
        (int) values.integer(RETAIN.child("shim_timeout_millis"), 1, 3_600_000),
        (int) values.integer(RETAIN.child("recovery_timeout_millis"), 0, 3_600_000));
  }

  private RetainSettings.LogRetention logRetention() {
    String action = values.oneOf(RETAIN.child("log_retention_action"), Set.of("archive", "delete"));
    return new RetainSettings.LogRetention(
        (int) values.integer(RETAIN.child("log_retention_days"), 0, 100_000),
        values.integer(RETAIN.child("log_retention_bytes"), 0, Long.MAX_VALUE),
        values.integer(RETAIN.child("log_retention_events"), 0, Long.MAX_VALUE),
        action.equals("delete")
            ? RetainSettings.LogRetention.Action.DELETE
            : RetainSettings.LogRetention.Action.ARCHIVE,
        values.optionalPath(RETAIN.child("log_archive_path")),
        (int) values.integer(RETAIN.child("log_archive_days"), 0, 100_000),
        values.integer(RETAIN.child("log_archive_bytes"), 0, Long.MAX_VALUE));
  }

  private String checkpointCopy() {
    Key key = RETAIN.child("checkpoint_copy");
    String text = values.text(key);
    if (text.isEmpty()) {
      return "";
    }
    if (!text.startsWith("http://") && !text.startsWith("https://")) {
      return values.checked(key, text).toString();
    }
    try {
      URI url = new URI(text);
      if (url.getHost() != null && url.getQuery() == null && url.getFragment() == null) {
        return text;
      }
    } catch (URISyntaxException e) {
      values.problem(key, "%s is no URL: %s", key, e.getMessage());
      return "";
    }
    values.problem(key, "%s takes a folder or a URL with a host and a path, not \"%s\"", key, text);
    return "";
  }
}

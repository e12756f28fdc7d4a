package dev.retainerd.runtime.config;

import static dev.retainerd.runtime.config.SettingNames.CRI;
import static dev.retainerd.runtime.config.SettingNames.GRPC;
import static dev.retainerd.runtime.config.SettingNames.IMAGES;
import static dev.retainerd.runtime.config.SettingNames.RETAIN;
import static dev.retainerd.runtime.config.SettingNames.RUNTIME;
import static dev.retainerd.runtime.config.SettingNames.RUNTIMES;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Writes settings as a config file of version 3. Pure. */
final class TomlWriter {
  private TomlWriter() {}

  /** A value as TOML: strings, longs, doubles, booleans and lists of them. */
  static String literal(Object value) {
    return switch (value) {
      case String text -> quoted(text);
      case List<?> list ->
          list.stream().map(TomlWriter::literal).collect(Collectors.joining(", ", "[", "]"));
      case Map<?, ?> table ->
          table.entrySet().stream()
              .map(e -> new Key(List.of((String) e.getKey())) + " = " + literal(e.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
      default -> value.toString();
    };
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        case '\r' -> out.append("\\r");
        default -> {
          if (c < 0x20 || c == 0x7f) {
            out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    return out.append('"').toString();
  }

  /** The default configuration with a comment for each setting. */
  static String defaults(KeyTable table) {
    StringBuilder out =
        new StringBuilder(
            """
            # The settings of retainerd with their defaults. containerd's config.toml of version 3, 2
            # or 1 can be used as it is; see retainerd config explain for what becomes of each key.

            """);
    Map<Key, StringBuilder> tables = new LinkedHashMap<>();
    for (KnownKey known : table.honoured()) {
      Key pattern = known.pattern();
      KnownKey.Honour honour = (KnownKey.Honour) known.verdict();
      boolean free = pattern.last().startsWith("*");
      Key shown = free ? pattern.parent().child("NAME") : pattern;
      String value =
          honour.defaultLiteral().equals("-") ? exampleOf(pattern) : honour.defaultLiteral();
      String off = honour.defaultLiteral().equals("-") ? "# " : "";
      tables
          .computeIfAbsent(runc(shown.parent()), _ -> new StringBuilder())
          .append(wrapped(honour.description()))
          .append(off + (free ? exampleName(pattern) : shown.last()) + " = " + value + "\n");
    }
    tables.forEach(
        (name, lines) -> {
          if (!name.segments().isEmpty()) {
            out.append("\n[").append(name).append("]\n");
          }
          out.append(lines);
        });
    return out.toString();
  }

  private static Key runc(Key pattern) {
    return new Key(pattern.segments().stream().map(s -> s.equals("*") ? "runc" : s).toList());
  }

  private static String exampleName(Key pattern) {
    return pattern.last().equals("**") ? "BinaryName" : "sandbox";
  }

  private static String exampleOf(Key pattern) {
    return switch (pattern.last()) {
      case "address" -> "\"/run/retainerd/retainerd.sock\"";
      case "**" -> "\"runc\"";
      default -> "\"registry.k8s.io/pause:3.10\"";
    };
  }

  private static String wrapped(String description) {
    StringBuilder out = new StringBuilder();
    int width = 0;
    for (String word : description.split(" ")) {
      if (width == 0 || width + word.length() > 96) {
        out.append(width == 0 ? "# " : "\n# ");
        width = 2;
      } else {
        out.append(' ');
      }
      out.append(word);
      width += word.length() + 1;
    }
    return out.append('\n').toString();
  }

  /** The effective configuration: every setting, none of them commented. */
  static String dump(DaemonConfig config) {
    Map<Key, Object> values = new LinkedHashMap<>();
    values.put(Key.of("version"), 3L);
    values.put(Key.of("root"), config.root());
    values.put(Key.of("state"), config.state());
    values.put(GRPC.child("address"), config.socket().address());
    values.put(GRPC.child("uid"), config.socket().uid());
    values.put(GRPC.child("gid"), config.socket().gid());
    values.put(GRPC.child("max_recv_message_size"), config.socket().maxReceiveBytes());
    values.put(GRPC.child("max_send_message_size"), config.socket().maxSendBytes());
    values.put(Key.of("debug", "level"), config.logLevel());
    retain(values, config.retain());
    cri(values, config.cri());
    network(values, config.cni(), config.streams());
    images(values, config.images());
    values.put(SettingNames.DEFAULT_RUNTIME, config.defaultRuntimeName());
    new TreeMap<>(config.runtimes()).forEach((name, handler) -> runtime(values, handler));
    return tables(values);
  }

  private static void retain(Map<Key, Object> values, RetainSettings retain) {
    boolean power = retain.durability() == RetainSettings.Durability.POWER_LOSS;
    values.put(RETAIN.child("durability"), power ? "power-loss" : "process-crash");
    values.put(RETAIN.child("pods_per_shim"), retain.podsPerShim());
    values.put(RETAIN.child("spare_shims"), retain.spareShims());
    values.put(RETAIN.child("idle_shim_millis"), retain.idleShimMillis());
    values.put(RETAIN.child("shim_path"), retain.shimPath());
    values.put(RETAIN.child("pause_path"), retain.pausePath());
    values.put(RETAIN.child("log_roll"), retain.logRoll().name().toLowerCase(Locale.ROOT));
    values.put(RETAIN.child("log_block_bytes"), retain.logBlockBytes());
    RetainSettings.LogRetention kept = retain.logRetention();
    values.put(RETAIN.child("log_retention_days"), kept.days());
    values.put(RETAIN.child("log_retention_bytes"), kept.bytes());
    values.put(RETAIN.child("log_retention_events"), kept.events());
    values.put(RETAIN.child("log_retention_action"), kept.action().name().toLowerCase(Locale.ROOT));
    values.put(RETAIN.child("log_archive_path"), kept.archivePath());
    values.put(RETAIN.child("log_archive_days"), kept.archiveDays());
    values.put(RETAIN.child("log_archive_bytes"), kept.archiveBytes());
    values.put(RETAIN.child("checkpoint_copy"), retain.checkpointCopy());
    values.put(RETAIN.child("checkpoint_copy_ca"), retain.checkpointCopyCa());
    values.put(RETAIN.child("identity_file"), retain.identityFile());
    values.put(RETAIN.child("snapshot_every_events"), retain.snapshotEveryEvents());
    values.put(RETAIN.child("reserve_bytes"), retain.reserveBytes());
    values.put(RETAIN.child("shim_timeout_millis"), retain.shimTimeoutMillis());
    values.put(RETAIN.child("recovery_timeout_millis"), retain.recoveryTimeoutMillis());
  }

  private static void cri(Map<Key, Object> values, CriSettings cri) {
    values.put(RUNTIME.child("enable_selinux"), cri.enableSelinux());
    values.put(RUNTIME.child("max_container_log_line_size"), cri.maxLogLineBytes());
    values.put(RUNTIME.child("disable_apparmor"), cri.disableApparmor());
    values.put(RUNTIME.child("restrict_oom_score_adj"), cri.restrictOomScoreAdj());
    values.put(RUNTIME.child("unset_seccomp_profile"), cri.unsetSeccompProfile());
    values.put(
        RUNTIME.child("tolerate_missing_hugetlb_controller"),
        cri.tolerateMissingHugetlbController());
    values.put(RUNTIME.child("disable_hugetlb_controller"), cri.disableHugetlbController());
    values.put(
        RUNTIME.child("device_ownership_from_security_context"),
        cri.deviceOwnershipFromSecurityContext());
    values.put(RUNTIME.child("ignore_image_defined_volumes"), cri.ignoreImageDefinedVolumes());
    values.put(RUNTIME.child("enable_unprivileged_ports"), cri.enableUnprivilegedPorts());
    values.put(RUNTIME.child("enable_unprivileged_icmp"), cri.enableUnprivilegedIcmp());
    values.put(RUNTIME.child("drain_exec_sync_io_timeout"), cri.execSyncDrainTimeout());
  }

  private static void network(
      Map<Key, Object> values, CniSettings cni, StreamServerSettings streams) {
    Key table = RUNTIME.child("cni");
    values.put(table.child("bin_dirs"), cni.binDirs());
    values.put(table.child("conf_dir"), cni.confDir());
    values.put(table.child("max_conf_num"), cni.maxConfNum());
    values.put(table.child("ip_pref"), cni.ipPreference());
    values.put(table.child("use_internal_loopback"), cni.internalLoopback());
    values.put(CRI.child("stream_server_address"), streams.address());
    values.put(CRI.child("stream_server_port"), Integer.toString(streams.port()));
    values.put(CRI.child("stream_idle_timeout"), streams.idleTimeout());
    values.put(CRI.child("enable_tls_streaming"), streams.tls());
    Key pair = CRI.child("x509_key_pair_streaming");
    values.put(pair.child("tls_cert_file"), streams.certificate());
    values.put(pair.child("tls_key_file"), streams.key());
  }

  private static void images(Map<Key, Object> values, ImageSettings images) {
    String folders =
        images.registryConfigDirs().stream().map(Path::toString).collect(Collectors.joining(":"));
    values.put(IMAGES.child("registry").child("config_path"), folders);
    values.put(IMAGES.child("snapshotter"), images.snapshotter());
    values.put(IMAGES.child("max_concurrent_downloads"), images.maxConcurrentDownloads());
    values.put(IMAGES.child("image_pull_progress_timeout"), images.pullProgressTimeout());
    new TreeMap<>(images.pinned())
        .forEach((name, image) -> values.put(IMAGES.child("pinned_images").child(name), image));
  }

  private static void runtime(Map<Key, Object> values, RuntimeHandler handler) {
    Key at = RUNTIMES.child(handler.name());
    values.put(at.child("runtime_type"), handler.type());
    values.put(at.child("pod_annotations"), handler.podAnnotations());
    values.put(at.child("container_annotations"), handler.containerAnnotations());
    values.put(at.child("privileged_without_host_devices"), handler.privilegedWithoutHostDevices());
    values.put(
        at.child("privileged_without_host_devices_all_devices_allowed"),
        handler.privilegedWithoutHostDevicesAllDevicesAllowed());
    values.put(at.child("cgroup_writable"), handler.cgroupWritable());
    values.put(at.child("base_runtime_spec"), handler.baseRuntimeSpec());
    values.put(at.child("snapshotter"), handler.snapshotter());
    values.put(at.child("cni_conf_dir"), handler.cniConfDir());
    values.put(at.child("cni_max_conf_num"), handler.cniMaxConfNum());
    Map<String, Object> options = new TreeMap<>(handler.options());
    options.forEach(
        (name, value) ->
            values.put(
                handler.servedByOurShim()
                    ? at.child("options").child(name)
                    : Key.parse(at.child("options") + "." + name),
                value));
  }

  private static String tables(Map<Key, Object> values) {
    Map<Key, StringBuilder> tables = new LinkedHashMap<>();
    values.forEach(
        (key, value) ->
            tables
                .computeIfAbsent(key.parent(), _ -> new StringBuilder())
                .append(new Key(List.of(key.last())))
                .append(" = ")
                .append(literal(plain(value)))
                .append('\n'));
    StringBuilder out = new StringBuilder();
    tables.forEach(
        (name, lines) ->
            out.append(name.segments().isEmpty() ? "" : "\n[" + name + "]\n").append(lines));
    return out.toString();
  }

  private static Object plain(Object value) {
    return switch (value) {
      case Path path -> path.toString();
      case Optional<?> optional -> optional.map(TomlWriter::plain).orElse("");
      case Duration duration -> goDuration(duration);
      case List<?> list -> list.stream().map(TomlWriter::plain).toList();
      default -> value;
    };
  }

  private static String goDuration(Duration duration) {
    long nanos = duration.toNanos();
    return nanos % 1_000_000_000L == 0 ? duration.toSeconds() + "s" : nanos + "ns";
  }
}

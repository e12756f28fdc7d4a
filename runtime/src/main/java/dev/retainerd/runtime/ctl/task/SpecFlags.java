package dev.retainerd.runtime.ctl.task;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The flags of {@code run} and {@code containers create} that say what the container may be. */
final class SpecFlags {
  @Option(names = "--snapshotter", defaultValue = "overlayfs", description = "snapshotter name")
  String snapshotter;

  @Option(
      names = {"-c", "--config"},
      defaultValue = "",
      paramLabel = "FILE",
      description = "path to the runtime-specific spec config file")
  String config;

  @Option(names = "--cwd", defaultValue = "", description = "working directory of the process")
  String cwd;

  @Option(names = "--env", paramLabel = "NAME=VALUE", description = "additional variables")
  List<String> env = new ArrayList<>();

  @Option(
      names = "--env-file",
      defaultValue = "",
      paramLabel = "FILE",
      description = "additional variables in a file, one per line")
  String envFile;

  @Option(names = "--label", paramLabel = "KEY=VALUE", description = "additional labels")
  List<String> labels = new ArrayList<>();

  @Option(names = "--annotation", paramLabel = "KEY=VALUE", description = "OCI annotations")
  List<String> annotations = new ArrayList<>();

  @Option(
      names = "--mount",
      paramLabel = "type=bind,src=/tmp,dst=/host,options=rbind:ro",
      description = "additional mounts")
  List<String> mounts = new ArrayList<>();

  @Option(names = "--net-host", description = "enable host networking for the container")
  boolean netHost;

  @Option(names = "--privileged", description = "run privileged container")
  boolean privileged;

  @Option(names = "--read-only", description = "set the container's filesystem as readonly")
  boolean readOnly;

  @Option(
      names = "--runtime",
      defaultValue = "io.containerd.runc.v2",
      paramLabel = "NAME",
      description = "runtime name")
  String runtime;

  @Option(
      names = "--runc-binary",
      defaultValue = "",
      paramLabel = "PATH",
      description = "specify runc-compatible binary")
  String runcBinary;

  @Option(
      names = "--runc-root",
      defaultValue = "",
      paramLabel = "PATH",
      description = "specify runc-compatible root")
  String runcRoot;

  @Option(names = "--runc-systemd-cgroup", description = "start runc with systemd cgroup manager")
  boolean systemdCgroup;

  @Option(
      names = {"-t", "--tty"},
      description = "allocate a TTY for the container")
  boolean tty;

  @Option(
      names = "--with-ns",
      paramLabel = "TYPE:PATH",
      description = "existing Linux namespaces to join")
  List<String> namespaces = new ArrayList<>();

  @Option(
      names = "--allow-new-privs",
      description = "turn off OCI spec's NoNewPrivileges feature flag")
  boolean allowNewPrivileges;

  @Option(names = "--memory-limit", defaultValue = "0", description = "memory limit in bytes")
  long memoryLimit;

  @Option(names = "--cpus", defaultValue = "0", description = "CPUs it may use, such as 1.5")
  double cpus;

  @Option(names = "--cpu-shares", defaultValue = "1024", description = "the cpu shares")
  long cpuShares;

  @Option(names = "--cpu-quota", defaultValue = "-1", description = "limit CPU CFS quota")
  long cpuQuota;

  @Option(names = "--cpu-period", defaultValue = "0", description = "limit CPU CFS period")
  long cpuPeriod;

  @Option(names = "--device", paramLabel = "PATH", description = "devices to add")
  List<String> devices = new ArrayList<>();

  @Option(names = "--cap-add", paramLabel = "CAP_NAME", description = "add Linux capabilities")
  List<String> capAdd = new ArrayList<>();

  @Option(names = "--cap-drop", paramLabel = "CAP_NAME", description = "drop Linux capabilities")
  List<String> capDrop = new ArrayList<>();

  @Option(names = "--user", defaultValue = "", description = "UID, UID:GID or name to run as")
  String user;

  @Option(
      names = "--cgroup",
      arity = "1",
      paramLabel = "PATH",
      description = "cgroup path; \"\" disables cgroups")
  String cgroup;

  @Option(names = "--rootfs", description = "use a root folder that no snapshotter manages")
  boolean rootfs;

  @Option(names = "--no-pivot", description = "disable use of pivot-root")
  boolean noPivot;

  @Option(
      names = "--rootfs-propagation",
      defaultValue = "",
      description = "set the propagation of the container rootfs")
  String rootfsPropagation;
}

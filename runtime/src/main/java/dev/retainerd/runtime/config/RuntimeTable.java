package dev.retainerd.runtime.config;

import static dev.retainerd.runtime.config.SettingNames.COMPAT;
import static dev.retainerd.runtime.config.SettingNames.DEFAULT_RUNTIME;
import static dev.retainerd.runtime.config.SettingNames.PLATFORMS;
import static dev.retainerd.runtime.config.SettingNames.RUNTIMES;
import static dev.retainerd.runtime.config.SettingNames.SNAPSHOTTERS;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The runtimes that are configured, in whichever generation of containerd's config they stand.
 *
 * <p>{@code default_runtime} and {@code untrusted_workload_runtime} of versions 1 and 2 are the
 * runtimes "default" and "untrusted"; they count only with a runtime type, and a default_runtime
 * that counts is the default whatever default_runtime_name says, as in containerd.
 */
record RuntimeTable(
    Map<String, RuntimeHandler> handlers, String defaultName, Optional<Path> shimPath) {
  private static final Set<String> IMPLICIT = Set.of("default", "untrusted");
  private static final String SHIM = "containerd-shim-retain-v1";
  private static final Set<String> WITHOUT_MEANING =
      Set.of("ShimCgroup", "CriuPath", "CriuImagePath", "CriuWorkPath");
  private static final List<String> OPTIONS =
      List.of(
          "BinaryName",
          "Root",
          "SystemdCgroup",
          "NoPivotRoot",
          "NoNewKeyring",
          "IoUid",
          "IoGid",
          "ShimCgroup",
          "CriuPath",
          "CriuImagePath",
          "CriuWorkPath");

  static RuntimeTable read(SettingValues values) {
    Set<String> names = new LinkedHashSet<>();
    names.add("runc");
    int depth = RUNTIMES.segments().size();
    values.settings().below(RUNTIMES).forEach(key -> names.add(key.segments().get(depth)));
    Key compat = COMPAT.child("runtimes");
    values.settings().below(compat).forEach(key -> names.add(key.segments().get(2)));
    names.removeIf(name -> IMPLICIT.contains(name) && isUntyped(values, name));

    String defaultName = defaultName(values, names);
    Map<String, RuntimeHandler> handlers = new LinkedHashMap<>();
    for (String name : names) {
      handlers.put(name, handler(values, name, name.equals(defaultName)));
    }
    return new RuntimeTable(handlers, defaultName, shimPath(values));
  }

  /** Whether nothing says what kind of runtime it is; "" is how containerd prints an unset one. */
  private static boolean isUntyped(SettingValues values, String name) {
    Key type = RUNTIMES.child(name).child("runtime_type");
    boolean untyped =
        values.settings().winner(type).filter(place -> !place.value().equals("")).isEmpty();
    Key engine = COMPAT.child("runtimes").child(name).child("runtime_engine");
    if (untyped && !values.text(engine).isEmpty()) {
      values.warn(engine, "runtime_engine has no effect without a runtime_type beside it");
    }
    return untyped;
  }

  private static String defaultName(SettingValues values, Set<String> names) {
    String named = values.text(DEFAULT_RUNTIME);
    boolean oldDefault =
        names.contains("default")
            && values.settings().winner(RUNTIMES.child("default").child("runtime_type")).stream()
                .anyMatch(place -> place.written().segments().contains("default_runtime"));
    if (oldDefault) {
      return "default";
    }
    if (!names.contains(named)) {
      values.problem(
          DEFAULT_RUNTIME,
          "default_runtime_name is \"%s\", but only %s are configured; add a table %s",
          named,
          String.join(", ", names),
          RUNTIMES.child(named));
    }
    return named;
  }

  private static RuntimeHandler handler(SettingValues values, String name, boolean isDefault) {
    Key at = RUNTIMES.child(name);
    Key pattern = RUNTIMES.child("*");
    String type = values.text(at.child("runtime_type"), pattern.child("runtime_type"));
    if (!RuntimeHandler.isOurs(type)) {
      values.warn(
          at.child("runtime_type"),
          "%s has a shim of its own, which is not served here: pods of \"%s\" will be refused",
          type,
          name);
    }
    Map<String, Object> options = options(values, at.child("options"), type);
    boolean allDevices = flag(values, name, "privileged_without_host_devices_all_devices_allowed");
    if (allDevices && !flag(values, name, "privileged_without_host_devices")) {
      values.problem(
          at.child("privileged_without_host_devices_all_devices_allowed"),
          "privileged_without_host_devices_all_devices_allowed needs"
              + " privileged_without_host_devices = true beside it");
    }
    Old old = Old.of(values, name, type, isDefault);
    String engine = engine(values, at, text(options, "BinaryName"), old);
    Optional<Path> root = rootPath(values, at, text(options, "Root"), old);
    boolean systemdCgroup = truth(options, "SystemdCgroup") || old.systemdCgroup();
    boolean noPivotRoot = truth(options, "NoPivotRoot") || old.noPivot();
    if (RuntimeHandler.isOurs(type)) {
      options.put("BinaryName", engine);
      options.put("Root", root.map(Path::toString).orElse(""));
      options.put("SystemdCgroup", systemdCgroup);
      options.put("NoPivotRoot", noPivotRoot);
    }
    return new RuntimeHandler(
        name,
        type,
        engine,
        root,
        systemdCgroup,
        noPivotRoot,
        truth(options, "NoNewKeyring"),
        number(values, at, options, "IoUid"),
        number(values, at, options, "IoGid"),
        options,
        values.texts(at.child("pod_annotations"), pattern.child("pod_annotations")),
        values.texts(at.child("container_annotations"), pattern.child("container_annotations")),
        flag(values, name, "privileged_without_host_devices"),
        allDevices,
        flag(values, name, "cgroup_writable"),
        values.optionalPath(at.child("base_runtime_spec")),
        RuntimeHandler.isOurs(type) ? snapshotter(values, name) : Optional.empty(),
        values.optionalPath(at.child("cni_conf_dir")),
        (int) values.integer(at.child("cni_max_conf_num"), 0, Integer.MAX_VALUE));
  }

  /**
   * The runtime's own word before that of containerd's image service, which has a table of its own
   * for pulls; here one snapshotter serves both.
   */
  private static Optional<String> snapshotter(SettingValues values, String name) {
    Key own = RUNTIMES.child(name).child("snapshotter");
    Key ofPulls = PLATFORMS.child(name).child("snapshotter");
    boolean says = !values.text(own).isEmpty();
    if (says && !values.text(ofPulls).isEmpty() && !values.text(own).equals(values.text(ofPulls))) {
      values.warn(ofPulls, "%s has no effect beside another snapshotter in %s", ofPulls, own);
    }
    Key key = says ? own : ofPulls;
    return values.text(key).isEmpty()
        ? Optional.empty()
        : Optional.of(values.oneOf(key, SNAPSHOTTERS)).filter(known -> !known.isEmpty());
  }

  /** What older versions say about a runtime outside of its options. */
  private record Old(
      Key engineKey,
      String engine,
      Key rootKey,
      String root,
      boolean systemdCgroup,
      boolean noPivot) {

    static Old of(SettingValues values, String name, String type, boolean isDefault) {
      Key own = COMPAT.child("runtimes").child(name);
      Key engineKey = own.child("runtime_engine");
      Key rootKey = own.child("runtime_root");
      // The linux plugin of old is about runtimes of its own type, which was the default one.
      Key typeKey = RUNTIMES.child(name).child("runtime_type");
      boolean untyped = isDefault && values.settings().winner(typeKey).isEmpty();
      boolean linux = type.equals("io.containerd.runtime.v1.linux") || untyped;
      if (values.text(engineKey).isEmpty() && linux) {
        engineKey = COMPAT.child("linux").child("runtime");
      }
      if (values.text(rootKey).isEmpty() && linux) {
        rootKey = COMPAT.child("linux").child("runtime_root");
      }
      return new Old(
          engineKey,
          values.text(engineKey),
          rootKey,
          values.text(rootKey),
          isDefault && values.flag(COMPAT.child("systemd_cgroup")),
          isDefault && values.flag(COMPAT.child("no_pivot")));
    }
  }

  private static String engine(SettingValues values, Key at, String binaryName, Old old) {
    Key key = binaryName.isEmpty() ? old.engineKey() : at.child("options").child("BinaryName");
    String engine = binaryName.isEmpty() ? old.engine() : binaryName;
    if (engine.contains("/")) {
      values.checked(key, engine);
    }
    return engine.isEmpty() ? "runc" : engine;
  }

  private static Optional<Path> rootPath(SettingValues values, Key at, String root, Old old) {
    String text = root.isEmpty() ? old.root() : root;
    Key key = root.isEmpty() ? old.rootKey() : at.child("options").child("Root");
    return text.isEmpty() ? Optional.empty() : Optional.of(values.checked(key, text));
  }

  private static boolean flag(SettingValues values, String name, String setting) {
    return values.flag(RUNTIMES.child(name).child(setting), RUNTIMES.child("*").child(setting));
  }

  /** The options by name; those of a runtime like runc are a closed set with known types. */
  private static Map<String, Object> options(SettingValues values, Key at, String type) {
    Map<String, Object> options = new LinkedHashMap<>();
    for (Key key : values.settings().below(at)) {
      Object value = values.settings().winner(key).orElseThrow().value();
      String name =
          String.join(".", key.segments().subList(at.segments().size(), key.segments().size()));
      if (RuntimeHandler.isOurs(type)) {
        if (!isKnownOption(values, key, name, value)) {
          continue;
        }
        if (WITHOUT_MEANING.contains(name)) {
          values.warn(key, "%s has no meaning here: our shim serves many containers", key);
        }
      }
      options.put(name, value);
    }
    return options;
  }

  private static boolean isKnownOption(SettingValues values, Key key, String name, Object value) {
    if (!OPTIONS.contains(name)) {
      String nearest =
          NearestKey.nearest(name, OPTIONS)
              .map(n -> "did you mean " + n + "?")
              .orElse("the options of runc are " + String.join(", ", OPTIONS));
      values.problem(key, "unknown key %s; %s", key, nearest);
      return false;
    }
    ValueType type =
        switch (name) {
          case "IoUid", "IoGid" -> ValueType.INT;
          case "SystemdCgroup", "NoPivotRoot", "NoNewKeyring" -> ValueType.BOOL;
          default -> ValueType.STRING;
        };
    if (!type.takes(value)) {
      values.problem(key, "%s takes %s, not %s", key, type.words(), ValueType.wordsFor(value));
      return false;
    }
    return true;
  }

  private static String text(Map<String, Object> options, String name) {
    return options.get(name) instanceof String text ? text : "";
  }

  private static boolean truth(Map<String, Object> options, String name) {
    return Boolean.TRUE.equals(options.get(name));
  }

  private static int number(
      SettingValues values, Key at, Map<String, Object> options, String name) {
    long number = options.get(name) instanceof Long value ? value : 0;
    if (number < 0 || number > Integer.MAX_VALUE) {
      values.problem(at.child("options").child(name), "%s takes 0 to %d", name, Integer.MAX_VALUE);
      return 0;
    }
    return (int) number;
  }

  /** Version 1's {@code shim}: ours if it is ours; another shim cannot hold our containers. */
  private static Optional<Path> shimPath(SettingValues values) {
    Key key = COMPAT.child("linux").child("shim");
    String text = values.text(key);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    if (text.equals(SHIM) || text.endsWith("/" + SHIM)) {
      return text.startsWith("/") ? Optional.of(values.checked(key, text)) : Optional.empty();
    }
    values.warn(key, "shim \"%s\" has no meaning here: containers are held by %s", text, SHIM);
    return Optional.empty();
  }
}

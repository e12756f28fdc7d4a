package dev.retainerd.runtime.config;

/** The settings that are read by name, as they are called in a file of version 3. */
final class SettingNames {
  static final Key RUNTIME = Key.of("plugins", "io.containerd.cri.v1.runtime");
  static final Key IMAGES = Key.of("plugins", "io.containerd.cri.v1.images");
  static final Key CRI = Key.of("plugins", "io.containerd.grpc.v1.cri");
  static final Key RUNTIMES = RUNTIME.child("containerd").child("runtimes");
  static final Key DEFAULT_RUNTIME = RUNTIME.child("containerd").child("default_runtime_name");
  static final Key GRPC = Key.of("grpc");
  static final Key RETAIN = Key.of("retain");
  static final Key COMPAT = Key.of("compat");

  private SettingNames() {}
}

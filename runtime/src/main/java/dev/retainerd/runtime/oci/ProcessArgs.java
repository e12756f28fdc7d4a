package dev.retainerd.runtime.oci;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.KeyValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command line and environment of a container's process, from request and image. Pure.
 *
 * <p>A command replaces the image's entrypoint and cmd, args replace its cmd. Environment is laid
 * in this order, later over earlier, each name keeping its first place: PATH, TERM for a terminal,
 * HOSTNAME, the image's, the request's.
 */
final class ProcessArgs {
  private static final String PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private ProcessArgs() {}

  static List<String> commandLine(ContainerConfig config, ImageDefaults image) {
    List<String> line = new ArrayList<>(config.getCommandList());
    List<String> args = config.getArgsList();
    if (line.isEmpty()) {
      // An entrypoint of one empty string is how a Dockerfile resets it.
      if (!image.entrypoint().equals(List.of(""))) {
        line.addAll(image.entrypoint());
      }
      args = args.isEmpty() ? image.cmd() : args;
    }
    line.addAll(args);
    if (line.isEmpty()) {
      throw Refusal.invalidArgument(
          "container %s has no command, and neither has its image; give it one"
              .formatted(Identifiers.shortened(config.getMetadata().getName())));
    }
    line.forEach(arg -> refuseZeroByte("an argument of the command", arg));
    return line;
  }

  static List<String> environment(ContainerConfig config, ImageDefaults image, String hostname) {
    List<String> entries = new ArrayList<>();
    entries.add(PATH);
    if (config.getTty()) {
      entries.add("TERM=xterm");
    }
    entries.add("HOSTNAME=" + hostname);
    entries.addAll(image.env());
    for (KeyValue entry : config.getEnvsList()) {
      String name = entry.getKey();
      if (name.isEmpty() || name.indexOf('=') >= 0) {
        throw Refusal.invalidArgument(
            "%s is no name of an environment variable: it is empty or holds a ="
                .formatted(Identifiers.shortened(name)));
      }
      String value = entry.getValue().toStringUtf8();
      refuseZeroByte("the environment variable " + name, name + value);
      entries.add(name + "=" + value);
    }
    return merged(entries);
  }

  /** Later entries over earlier ones of the same name; one without "=" takes the name away. */
  static List<String> merged(List<String> entries) {
    Map<String, String> byName = new LinkedHashMap<>();
    for (String entry : entries) {
      int equals = entry.indexOf('=');
      if (equals < 0) {
        byName.remove(entry);
      } else {
        byName.put(entry.substring(0, equals), entry);
      }
    }
    return List.copyOf(byName.values());
  }

  /** A zero byte would cut the string short in the kernel, and a stranger would see less of it. */
  static void refuseZeroByte(String what, String text) {
    if (text.indexOf('\0') >= 0) {
      throw Refusal.invalidArgument(what + " holds a zero byte; remove it");
    }
  }
}

package dev.retainerd.runtime.oci;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The seccomp filter of the profile RuntimeDefault: a list of what is allowed, everything else
 * fails with EPERM. The lists stand in {@code seccomp-default.txt}; what is more than a list, here.
 *
 * <p>Immutable once loaded; safe for any thread.
 */
final class SeccompDefault {
  private static final int ENOSYS = 38;
  private static final int AF_ALG = 38;
  private static final int AF_VSOCK = 40;

  /** Every CLONE_NEW flag but that of time namespaces. */
  private static final long NEW_NAMESPACES = 0x7E020000L;

  /** Values of personality(2) that weaken nothing: Linux, 32 bit, and asking. */
  private static final List<Long> PERSONALITIES =
      List.of(0x0L, 0x8L, 0x20000L, 0x20008L, 0xFFFFFFFFL);

  private static volatile SeccompDefault loaded;

  /**
   * A line of the file.
   *
   * @param condition "always", "arch NAME" or "cap NAME"
   */
  private record Rule(String condition, List<String> names) {}

  private final List<Rule> rules;

  private SeccompDefault(List<Rule> rules) {
    this.rules = rules;
  }

  /** The profile as it is shipped; read once. */
  static SeccompDefault load() {
    SeccompDefault profile = loaded;
    if (profile == null) {
      profile = read();
      loaded = profile;
    }
    return profile;
  }

  private static SeccompDefault read() {
    try (var in = SeccompDefault.class.getResourceAsStream("seccomp-default.txt");
        var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      List<Rule> rules = new ArrayList<>();
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          int colon = line.indexOf(':');
          List<String> names = Arrays.asList(line.substring(colon + 1).strip().split(" +"));
          rules.add(new Rule(line.substring(0, colon), names));
        }
      }
      return new SeccompDefault(List.copyOf(rules));
    } catch (IOException e) {
      throw new UncheckedIOException("seccomp-default.txt cannot be read from the jar", e);
    }
  }

  /**
   * The filter for a process.
   *
   * @param capabilities its bounding set: what a capability is for must not be filtered away
   * @param architecture as the JVM calls it
   */
  JsonObject filter(Set<String> capabilities, String architecture) {
    JsonArray syscalls = new JsonArray();
    for (Rule rule : rules) {
      String[] condition = rule.condition().split(" ");
      boolean applies =
          switch (condition[0]) {
            case "always" -> true;
            case "arch" -> condition[1].equals(architecture);
            case "cap" -> capabilities.contains(condition[1]);
            default -> throw new IllegalStateException("seccomp-default.txt: " + rule.condition());
          };
      if (applies) {
        syscalls.add(allow(rule.names()));
      }
    }
    // One range per rule: OCI runtimes join conditions on the same argument by "or".
    syscalls.add(allowIf("socket", 0, AF_ALG, 0, "SCMP_CMP_LT"));
    syscalls.add(allowIf("socket", 0, AF_ALG + 1L, 0, "SCMP_CMP_EQ"));
    syscalls.add(allowIf("socket", 0, AF_VSOCK, 0, "SCMP_CMP_GT"));
    for (long personality : PERSONALITIES) {
      syscalls.add(allowIf("personality", 0, personality, 0, "SCMP_CMP_EQ"));
    }
    if (!capabilities.contains("CAP_SYS_ADMIN")) {
      int flags = architecture.startsWith("s390") ? 1 : 0;
      syscalls.add(allowIf("clone", flags, NEW_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ"));
      // clone3 hides its flags behind a pointer; ENOSYS makes the C library fall back to clone.
      syscalls.add(
          JsonTree.object(
              "names", List.of("clone3"), "action", "SCMP_ACT_ERRNO", "errnoRet", ENOSYS));
    }
    return JsonTree.object(
        "defaultAction",
        "SCMP_ACT_ERRNO",
        "architectures",
        architectures(architecture),
        "syscalls",
        syscalls);
  }

  private static JsonObject allow(List<String> names) {
    return JsonTree.object("names", names, "action", "SCMP_ACT_ALLOW");
  }

  private static JsonObject allowIf(
      String name, int index, long value, long valueTwo, String operation) {
    JsonObject rule = allow(List.of(name));
    rule.add(
        "args",
        JsonTree.array(
            List.of(
                JsonTree.object(
                    "index", index, "value", value, "valueTwo", valueTwo, "op", operation))));
    return rule;
  }

  private static List<String> architectures(String architecture) {
    return switch (architecture) {
      case "amd64" -> List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
      case "aarch64" -> List.of("SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64");
      case "s390x" -> List.of("SCMP_ARCH_S390", "SCMP_ARCH_S390X");
      case "riscv64" -> List.of("SCMP_ARCH_RISCV64");
      case "ppc64le" -> List.of("SCMP_ARCH_PPC64LE");
      default -> List.of();
    };
  }
}

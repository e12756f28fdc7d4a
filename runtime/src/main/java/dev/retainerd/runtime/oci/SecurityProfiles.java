package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.SELinuxOption;
import dev.retainerd.wire.cri.v1.SecurityProfile;
import dev.retainerd.wire.cri.v1.SecurityProfile.ProfileType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which seccomp, AppArmor and SELinux confinement a request asks for. Where the node lacks what is
 * asked for by name, that is a refusal: a container is never run with less protection than it
 * wants.
 */
final class SecurityProfiles {
  private static final String LOCALHOST = "localhost/";
  private static final String APPARMOR_DEFAULT = "cri-containerd.apparmor.d";
  private static final int LARGEST_PROFILE_BYTES = 4 << 20;
  private static final Pattern LEVEL =
      Pattern.compile("s\\d+(-s\\d+)?(:c\\d{1,4}(\\.c\\d{1,4})?(,c\\d{1,4}(\\.c\\d{1,4})?)*)?");

  private SecurityProfiles() {}

  /**
   * The seccomp filter, none for an unconfined process.
   *
   * @param oldPath the deprecated seccomp_profile_path, used where {@code asked} is null
   * @param capabilities the bounding set, on which the default filter depends
   */
  static Optional<JsonObject> seccomp(
      SecurityProfile asked,
      String oldPath,
      boolean privileged,
      Set<String> capabilities,
      HostTraits host,
      SpecPolicy policy) {
    SecurityProfile profile = asked;
    if (profile == null) {
      String path = oldPath.isEmpty() ? policy.unsetSeccompProfile() : oldPath;
      if (path.isEmpty()) {
        return Optional.empty();
      }
      profile = ofPath("seccomp", path);
    }
    checkReference("seccomp", profile);
    if (privileged || profile.getProfileType() == ProfileType.Unconfined) {
      return Optional.empty();
    }
    if (!host.seccomp()) {
      throw Refusal.failedPrecondition(
          "a seccomp profile is asked for, but the node's kernel has no seccomp; ask for Unconfined");
    }
    return Optional.of(
        profile.getProfileType() == ProfileType.Localhost
            ? localhostSeccomp(localName(profile))
            : SeccompDefault.load().filter(capabilities, host.architecture()));
  }

  private static JsonObject localhostSeccomp(String name) {
    Path file = Path.of(name);
    if (!file.isAbsolute() || !file.equals(file.normalize())) {
      throw Refusal.invalidArgument(
          "the seccomp profile %s is no plain absolute path"
              .formatted(Identifiers.shortened(name)));
    }
    try {
      if (Files.size(file) > LARGEST_PROFILE_BYTES) {
        throw Refusal.failedPrecondition(
            "the seccomp profile %s has more than %d bytes".formatted(file, LARGEST_PROFILE_BYTES));
      }
      JsonObject filter = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
      if (!filter.has("defaultAction")) {
        throw Refusal.failedPrecondition(
            "the seccomp profile " + file + " has no defaultAction; add one");
      }
      return filter;
    } catch (IOException e) {
      throw Refusal.failedPrecondition(
              "the seccomp profile " + file + " cannot be read; put it on the node")
          .because(e);
    } catch (JsonParseException | IllegalStateException e) {
      throw Refusal.failedPrecondition("the seccomp profile " + file + " is no JSON object")
          .because(e);
    }
  }

  /**
   * The AppArmor profile, none for an unconfined process.
   *
   * @param oldName the deprecated apparmor_profile, used where {@code asked} is null
   */
  static Optional<String> apparmor(
      SecurityProfile asked,
      String oldName,
      boolean privileged,
      HostTraits host,
      SpecPolicy policy) {
    SecurityProfile profile =
        asked == null && !oldName.isEmpty() ? ofPath("AppArmor", oldName) : asked;
    if (profile != null) {
      checkReference("AppArmor", profile);
    }
    Set<String> loaded = host.apparmorProfiles().orElse(Set.of());
    boolean usable = host.apparmorProfiles().isPresent() && !policy.disableApparmor();
    if (profile == null) {
      // Nobody asked: the default where somebody has loaded it.
      boolean confine = usable && !privileged && loaded.contains(APPARMOR_DEFAULT);
      return confine ? Optional.of(APPARMOR_DEFAULT) : Optional.empty();
    }
    if (profile.getProfileType() == ProfileType.Unconfined) {
      return Optional.empty();
    }
    if (!usable) {
      throw Refusal.failedPrecondition(
          "an AppArmor profile is asked for, but the node has no AppArmor or the daemon must not use"
              + " it; ask for Unconfined");
    }
    boolean local = profile.getProfileType() == ProfileType.Localhost;
    if (privileged && !local) {
      return Optional.empty();
    }
    String name = local ? localName(profile) : APPARMOR_DEFAULT;
    if (!loaded.contains(name)) {
      throw Refusal.failedPrecondition(
          "the AppArmor profile %s is not loaded; load it with apparmor_parser"
              .formatted(Identifiers.shortened(name)));
    }
    return Optional.of(name);
  }

  /** Labels of a process and of its mounts. */
  record SelinuxLabels(String process, String mount) {}

  /** The SELinux labels, none where none are asked for and the node has no SELinux. */
  static Optional<SelinuxLabels> selinux(
      SELinuxOption asked, boolean privileged, HostTraits host, SpecPolicy policy) {
    boolean wanted = !asked.equals(SELinuxOption.getDefaultInstance());
    boolean usable = host.selinux() && policy.enableSelinux();
    if (wanted && !usable) {
      throw Refusal.failedPrecondition(
          "SELinux options are asked for, but the node has no SELinux or enable_selinux is not set;"
              + " leave them out");
    }
    if (!asked.getLevel().isEmpty() && !LEVEL.matcher(asked.getLevel()).matches()) {
      throw Refusal.invalidArgument(
          "the SELinux level %s is not of the form s0:c1,c2"
              .formatted(Identifiers.shortened(asked.getLevel())));
    }
    if (!wanted || privileged) {
      return Optional.empty();
    }
    String user = or(asked.getUser(), "system_u");
    String level = or(asked.getLevel(), "s0");
    String process =
        String.join(
            ":", user, or(asked.getRole(), "system_r"), or(asked.getType(), "container_t"), level);
    return Optional.of(new SelinuxLabels(process, user + ":object_r:container_file_t:" + level));
  }

  private static String or(String text, String standard) {
    return text.isEmpty() ? standard : text;
  }

  private static void checkReference(String what, SecurityProfile profile) {
    boolean local = profile.getProfileType() == ProfileType.Localhost;
    if (profile.getProfileType() == ProfileType.UNRECOGNIZED) {
      throw Refusal.invalidArgument(
          "there is no %s profile type %d; use RuntimeDefault, Unconfined or Localhost"
              .formatted(what, profile.getProfileTypeValue()));
    }
    if (local == profile.getLocalhostRef().isEmpty()) {
      throw Refusal.invalidArgument(
          "the %s profile of type %s %s localhost_ref"
              .formatted(what, profile.getProfileType(), local ? "needs a" : "takes no"));
    }
  }

  private static String localName(SecurityProfile profile) {
    String name = profile.getLocalhostRef();
    return name.startsWith(LOCALHOST) ? name.substring(LOCALHOST.length()) : name;
  }

  /** The older spelling: "runtime/default", "unconfined", "localhost/NAME". */
  private static SecurityProfile ofPath(String what, String path) {
    SecurityProfile.Builder profile = SecurityProfile.newBuilder();
    if (path.startsWith(LOCALHOST)) {
      return profile.setProfileType(ProfileType.Localhost).setLocalhostRef(path).build();
    }
    return switch (path) {
      case "runtime/default", "docker/default" ->
          profile.setProfileType(ProfileType.RuntimeDefault).build();
      case "unconfined" -> profile.setProfileType(ProfileType.Unconfined).build();
      default ->
          throw Refusal.invalidArgument(
              "the %s profile %s is none of runtime/default, unconfined and localhost/NAME"
                  .formatted(what, Identifiers.shortened(path)));
    };
  }
}

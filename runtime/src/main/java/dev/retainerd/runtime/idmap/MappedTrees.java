package dev.retainerd.runtime.idmap;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.linux.IdMappedMount;
import dev.retainerd.runtime.linux.Mounts;
import dev.retainerd.runtime.linux.NativeFile;
import dev.retainerd.runtime.namespaces.HeldNamespaces;
import dev.retainerd.runtime.namespaces.IdMappings;
import dev.retainerd.runtime.shims.Folders;
import dev.retainerd.runtime.shims.RootMount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Carries out what a spec and its root file system say of mapped owners, so that an OCI runtime
 * need not know how: layers with {@code uidmap=} and {@code gidmap=} (the options of containerd's
 * overlay mounts) and bind mounts with {@code uidMappings} are mounted a second time, mapped, and
 * the runtime is given those. They need to be there only until it has made the container.
 *
 * <p>Thread-safe. What a killed daemon leaves is removed by {@link #clear} at the next start.
 */
public final class MappedTrees {
  private static final String UIDMAP = "uidmap=";
  private static final String GIDMAP = "gidmap=";
  private static final String LOWER = "lowerdir=";

  /** Options of the OCI runtimes that do it themselves. */
  private static final Set<String> RUNTIMES_OWN = Set.of("idmap", "ridmap");

  private final Path folder;
  private final AtomicLong last = new AtomicLong();

  /** Mounts below this folder of the state; its names are short, for many fit in one option. */
  public MappedTrees(Path folder) {
    this.folder = folder;
  }

  /**
   * What the runtime is to be given.
   *
   * @param rootUid whom root in the container is on the node; 0 without a user namespace
   * @param rootGid likewise
   */
  public record Ready(
      byte[] spec, List<RootMount> rootfs, long rootUid, long rootGid, Runnable release)
      implements AutoCloseable {

    /** The container is made and holds the mounts by itself. */
    @Override
    public void close() {
      release.run();
    }
  }

  /** Unmounts and removes whatever an earlier daemon left; before the first {@link #prepare}. */
  public void clear() throws IOException {
    Mounts.unmountBelow(folder);
    Folders.remove(folder);
  }

  /** Whether a mount option is meant for this class. */
  public static boolean isOption(String option) {
    return option.startsWith(UIDMAP) || option.startsWith(GIDMAP);
  }

  /**
   * Mounts what is to be mapped; nothing, and at no cost, where nothing is.
   *
   * @param name of the container, for sentences
   * @throws Refusal FAILED_PRECONDITION where kernel or file system cannot do it
   */
  public Ready prepare(String name, byte[] spec, List<RootMount> rootfs) {
    String text = new String(spec, StandardCharsets.UTF_8);
    if (!anyMapped(rootfs) && !text.contains("\"uidMappings\"")) {
      return new Ready(spec, rootfs, 0, 0, () -> {});
    }
    Path own = next();
    JsonObject json = JsonParser.parseString(text).getAsJsonObject();
    try (UserNamespaces users = new UserNamespaces(linux(json))) {
      makeFolder(own);
      List<RootMount> mappedRoot = roots(rootfs, users, own);
      binds(json, users, own);
      return new Ready(
          json.toString().getBytes(StandardCharsets.UTF_8),
          mappedRoot,
          rootOf(linux(json), "uidMappings"),
          rootOf(linux(json), "gidMappings"),
          () -> release(own));
    } catch (IOException | IllegalArgumentException | IllegalStateException e) {
      release(own);
      throw new Refusal(
          Refusal.Code.FAILED_PRECONDITION,
          "container "
              + name
              + " cannot be given its files as its user namespace sees them: "
              + e.getMessage()
              + "; it takes a kernel of 5.19 and a file system with id-mapped mounts",
          e);
    } catch (RuntimeException e) {
      release(own);
      throw e;
    }
  }

  /**
   * What shows the owners that its layers' options say, until it is closed: whatever is mounted of
   * it before stays.
   */
  public record Shown(List<RootMount> mounts, Runnable release) implements AutoCloseable {
    @Override
    public void close() {
      release.run();
    }
  }

  /**
   * Mounts layers mapped that are to be; the others are given back as they are, at no cost.
   *
   * @throws IOException where kernel or file system cannot do it
   */
  public Shown show(List<RootMount> layers) throws IOException {
    if (!anyMapped(layers)) {
      return new Shown(layers, () -> {});
    }
    Path own = next();
    try (UserNamespaces users = new UserNamespaces(new JsonObject())) {
      makeFolder(own);
      return new Shown(roots(layers, users, own), () -> release(own));
    } catch (IOException | RuntimeException e) {
      release(own);
      throw e;
    }
  }

  private static boolean anyMapped(List<RootMount> layers) {
    return layers.stream().flatMap(m -> m.options().stream()).anyMatch(MappedTrees::isOption);
  }

  private Path next() {
    return folder.resolve(Long.toString(last.incrementAndGet(), Character.MAX_RADIX));
  }

  private static void makeFolder(Path own) throws IOException {
    Files.createDirectories(
        own, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
  }

  private static JsonObject linux(JsonObject spec) {
    return spec.has("linux") ? spec.getAsJsonObject("linux") : new JsonObject();
  }

  private static long rootOf(JsonObject linux, String which) {
    return Math.max(0, IdMappings.outside(UserNamespaces.ranges(linux, which), 0));
  }

  private static List<RootMount> roots(List<RootMount> layers, UserNamespaces users, Path own)
      throws IOException {
    List<RootMount> mapped = new ArrayList<>();
    for (RootMount layer : layers) {
      mapped.add(root(layer, users, own));
    }
    return mapped;
  }

  private static RootMount root(RootMount mount, UserNamespaces users, Path own)
      throws IOException {
    List<String> rest = new ArrayList<>();
    String uids = "";
    String gids = "";
    for (String option : mount.options()) {
      if (option.startsWith(UIDMAP)) {
        uids = option.substring(UIDMAP.length());
      } else if (option.startsWith(GIDMAP)) {
        gids = option.substring(GIDMAP.length());
      } else {
        rest.add(option);
      }
    }
    if (uids.isEmpty() || gids.isEmpty()) {
      return mount;
    }
    NativeFile user = users.of(new IdMappings(IdMappings.parse(uids), IdMappings.parse(gids)));
    if (!mount.type().equals("overlay")) {
      Path mapped = attach(Path.of(mount.source()), false, user, own, "r");
      return new RootMount(mount.type(), mapped.toString(), rest);
    }
    for (int i = 0; i < rest.size(); i++) {
      if (rest.get(i).startsWith(LOWER)) {
        List<String> lowers = new ArrayList<>();
        for (String lower : rest.get(i).substring(LOWER.length()).split(":", -1)) {
          lowers.add(attach(Path.of(lower), false, user, own, lowers.size() + "").toString());
        }
        rest.set(i, LOWER + String.join(":", lowers));
      }
    }
    return new RootMount(mount.type(), mount.source(), rest);
  }

  private static void binds(JsonObject spec, UserNamespaces users, Path own) throws IOException {
    if (!spec.has("mounts")) {
      return;
    }
    int number = 0;
    for (JsonElement element : spec.getAsJsonArray("mounts")) {
      JsonObject mount = element.getAsJsonObject();
      if (!mount.has("uidMappings") || !mount.has("gidMappings")) {
        continue;
      }
      IdMappings ids =
          new IdMappings(
              UserNamespaces.ranges(mount, "uidMappings"),
              UserNamespaces.ranges(mount, "gidMappings"));
      JsonArray options = new JsonArray();
      boolean recursive = false;
      for (JsonElement option : mount.getAsJsonArray("options")) {
        recursive |= option.getAsString().equals("rbind");
        if (!RUNTIMES_OWN.contains(option.getAsString())) {
          options.add(option);
        }
      }
      Path source = Path.of(mount.get("source").getAsString());
      Path mapped = attach(source, recursive, users.of(ids), own, "m" + number++);
      mount.addProperty("source", mapped.toString());
      mount.add("options", options);
      mount.remove("uidMappings");
      mount.remove("gidMappings");
    }
  }

  private static Path attach(Path source, boolean recursive, NativeFile user, Path own, String name)
      throws IOException {
    Path target = own.resolve(name);
    if (Files.isDirectory(source)) {
      Files.createDirectory(target);
    } else {
      Files.createFile(target);
    }
    IdMappedMount.attach(source, recursive, user, target);
    return target;
  }

  private static void release(Path own) {
    try {
      Mounts.unmountBelow(own);
    } catch (IOException e) {
      throw Refusal.internal("the mounts at " + own + " cannot be ended: " + e.getMessage(), e);
    }
    Folders.removeQuietly(own);
  }

  /**
   * Whether the file systems below a folder can show mapped owners.
   *
   * @throws IOException with the reason where not
   */
  public static void tryOn(Path folder) throws IOException {
    List<IdMappings.Range> some = List.of(new IdMappings.Range(0, 65_536, 65_536));
    try (HeldNamespaces held = HeldNamespaces.user(new IdMappings(some, some));
        NativeFile user = held.open()) {
      IdMappedMount.tryOn(folder, user);
    }
  }
}

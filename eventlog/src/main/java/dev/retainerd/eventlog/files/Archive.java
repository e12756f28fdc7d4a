package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.LogDamage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Generations that were packed and moved out of the log's own folder.
 *
 * <pre>
 * log/archives                     other folders than log/archive that have been used as archive
 * archive/generation-0001/manifest start and seal of the generation, Merkle root of its events
 * archive/generation-0001/records.zst
 * archive/generation-0001/positions
 * </pre>
 *
 * <p>What is archived does not change any more, so a manifest is read once. Thread-safe.
 */
public final class Archive {
  static final String RECORDS = "records.zst";
  static final String MANIFEST = "manifest";

  private static final Pattern GENERATION = Pattern.compile("generation-([0-9]{4,9})");
  private static final HexFormat HEX = HexFormat.of();

  private final LogFolder folder;
  private final boolean itself;
  private final Map<Path, Generation> known = new ConcurrentHashMap<>();

  /** The archive of that log, in all the folders it has had. */
  public Archive(LogFolder folder) {
    this(folder, false);
  }

  private Archive(LogFolder folder, boolean itself) {
    this.folder = folder;
    this.itself = itself;
  }

  /** As an archive that lies by itself, apart from its log, is read. */
  static Archive apart(LogFolder folder) {
    return new Archive(folder, true);
  }

  /**
   * What a manifest says beside the generation itself.
   *
   * @param merkleRoot 32 bytes: RFC 6962 root over the hashes of its events
   * @param events how many there are
   * @param unpackedBytes of the record file
   * @param packedBytes of the same, packed
   */
  public record Manifest(
      Generation generation, byte[] merkleRoot, long events, long unpackedBytes, long packedBytes) {
    public Manifest {
      merkleRoot = merkleRoot.clone();
    }

    @Override
    public byte[] merkleRoot() {
      return merkleRoot.clone();
    }
  }

  /** Whether that folder is an archive itself: its generations are packed, and no log is in it. */
  static boolean isOne(Path folder) throws IOException {
    if (!Files.isDirectory(folder) || Files.exists(new LogFolder(folder).identityFile())) {
      return false;
    }
    try (Stream<Path> children = Files.list(folder)) {
      return children.anyMatch(
          child ->
              GENERATION.matcher(child.getFileName().toString()).matches()
                  && Files.isRegularFile(child.resolve(MANIFEST)));
    }
  }

  /** Every folder that may hold archived generations. */
  public List<Path> places() throws IOException {
    List<Path> places = new ArrayList<>();
    if (itself) {
      places.add(folder.path());
    }
    places.add(standard());
    SmallFile.read(listFile())
        .ifPresent(values -> values.values().forEach(place -> places.add(Path.of(place))));
    return places.stream().distinct().toList();
  }

  private Path standard() {
    return folder.path().resolve("archive");
  }

  private Path listFile() {
    return folder.path().resolve("archives");
  }

  /** Makes a folder one of the {@link #places()}, now and after a restart. */
  public void use(Path place) throws IOException {
    Files.createDirectories(place);
    List<Path> before = places();
    Path real = place.toAbsolutePath().normalize();
    if (before.contains(real) || real.equals(standard().toAbsolutePath().normalize())) {
      return;
    }
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    for (Path one : before) {
      if (!one.equals(standard())) {
        values.put("place." + values.size(), one.toString());
      }
    }
    values.put("place." + values.size(), real.toString());
    SmallFile.write(listFile(), values, true);
  }

  /** The generations in it, in no particular order. */
  List<Generation> generations(List<LogDamage> damages) throws IOException {
    List<Generation> found = new ArrayList<>();
    for (Path place : places()) {
      if (!Files.isDirectory(place)) {
        continue;
      }
      List<Path> children;
      try (Stream<Path> list = Files.list(place)) {
        children = list.sorted().toList();
      }
      for (Path child : children) {
        Matcher name = GENERATION.matcher(child.getFileName().toString());
        if (name.matches()) {
          generation(Integer.parseInt(name.group(1)), child, damages).ifPresent(found::add);
        }
      }
    }
    return found;
  }

  /** The highest number of any folder in it that is named like a generation; or 0. */
  int highestNumber() throws IOException {
    int highest = 0;
    for (Path place : places()) {
      if (Files.isDirectory(place)) {
        try (Stream<Path> list = Files.list(place)) {
          for (Path child : list.toList()) {
            Matcher name = GENERATION.matcher(child.getFileName().toString());
            highest = name.matches() ? Math.max(highest, Integer.parseInt(name.group(1))) : highest;
          }
        }
      }
    }
    return highest;
  }

  private Optional<Generation> generation(int number, Path child, List<LogDamage> damages)
      throws IOException {
    Generation before = known.get(child);
    if (before != null) {
      return Optional.of(before);
    }
    Optional<Generation> read = manifest(number, child).map(Manifest::generation);
    read.ifPresent(generation -> known.put(child, generation));
    if (read.isEmpty()) {
      damages.add(
          new LogDamage(
              "metadata",
              child.resolve(MANIFEST).toString(),
              "",
              0,
              0,
              "it is missing or damaged, so its archived events are left out"));
    }
    return read;
  }

  /** What the manifest of an archived generation says; empty where it cannot be read. */
  static Optional<Manifest> manifest(int number, Path child) throws IOException {
    Path file = child.resolve(MANIFEST);
    Optional<Map<String, String>> read = SmallFile.read(file);
    if (read.isEmpty()) {
      return Optional.empty();
    }
    Map<String, String> values = read.get();
    LogFolder.checkFormat(file, values);
    Generation generation =
        new Generation(
            number, child, LogFolder.start(values), Optional.of(LogFolder.seal(values)), true);
    return Optional.of(
        new Manifest(
            generation,
            HEX.parseHex(values.get("merkle_root")),
            Long.parseLong(values.get("events")),
            Long.parseLong(values.get("unpacked_bytes")),
            Long.parseLong(values.get("packed_bytes"))));
  }

  static void writeManifest(Manifest manifest) throws IOException {
    Generation generation = manifest.generation();
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    LogFolder.putStart(values, generation.start());
    LogFolder.putSeal(values, generation.seal().orElseThrow());
    values.put("merkle_root", HEX.formatHex(manifest.merkleRoot()));
    values.put("events", Long.toString(manifest.events()));
    values.put("unpacked_bytes", Long.toString(manifest.unpackedBytes()));
    values.put("packed_bytes", Long.toString(manifest.packedBytes()));
    SmallFile.write(generation.folder().resolve(MANIFEST), values, true);
  }
}

package dev.retainerd.eventlog.files;

import dev.retainerd.eventlog.EventLogException;
import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.eventlog.NewerFormatException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The layout of a log on disk.
 *
 * <pre>
 * identity                     whose log it is, and of which format
 * lock                         held while a daemon writes; names its pid
 * mark                         a record known to be good, where a scan may begin
 * generation-0001/start        how the generation began; forced before its first event
 * generation-0001/*.cq4        its records
 * generation-0001/positions    where every 512th event stands; a hint that may be missing
 * generation-0001/acknowledged the last event that was durable; may be too small or missing
 * generation-0001/seal         how it ended
 * snapshots/                   states of the node, from which a fold can begin
 * archive/                     generations that were packed, see {@link Archive}
 * set-aside/                   what could not be read; never deleted by us
 * </pre>
 *
 * <p>Thread-safe, without state but the path.
 *
 * @param path the folder, such as {@code /var/lib/retainerd/log}
 */
public record LogFolder(Path path) {
  /** The layout that is written, and the newest that is read. */
  public static final int FORMAT = 1;

  private static final Pattern GENERATION = Pattern.compile("generation-([0-9]{4,9})");
  private static final HexFormat HEX = HexFormat.of();

  /** File with the identity of the log. */
  public Path identityFile() {
    return path.resolve("identity");
  }

  /** File that a writer locks. */
  public Path lockFile() {
    return path.resolve("lock");
  }

  /** File with the newest {@link Mark}. */
  public Path markFile() {
    return path.resolve("mark");
  }

  /** Folder for what could not be read. */
  public Path setAsideFolder() {
    return path.resolve("set-aside");
  }

  /** Folder of a generation. */
  public Path generationFolder(int number) {
    return path.resolve(String.format("generation-%04d", number));
  }

  /** The highest number of any generation, readable or not, archived or not; or 0. */
  public int highestGeneration() throws IOException {
    int unpacked = numbers().stream().mapToInt(Integer::intValue).max().orElse(0);
    return Math.max(unpacked, new Archive(this).highestNumber());
  }

  /**
   * Whose log it is; empty where the folder holds no log, or the file is damaged.
   *
   * @throws NewerFormatException where a newer version wrote it
   */
  public Optional<String> nodeId() throws IOException {
    Optional<Map<String, String>> values = SmallFile.read(identityFile());
    values.ifPresent(v -> checkFormat(identityFile(), v));
    return values.map(v -> v.get("node"));
  }

  /** Names the node whose log it is. */
  public void writeIdentity(String nodeId) throws IOException {
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    values.put("format", Integer.toString(FORMAT));
    values.put("node", nodeId);
    SmallFile.write(identityFile(), values, true);
  }

  static void checkFormat(Path file, Map<String, String> values) {
    int format = Integer.parseInt(values.getOrDefault("format", "0"));
    if (format > FORMAT) {
      throw new NewerFormatException(
          file
              + " has format "
              + format
              + " and this version reads up to "
              + FORMAT
              + "; use the version that wrote the log, or a newer one");
    }
  }

  /**
   * The generations, oldest first.
   *
   * @param damages gets what had to be guessed or left out
   */
  public List<Generation> generations(List<LogDamage> damages) throws IOException {
    return generations(new Archive(this), damages);
  }

  /** The same, with an archive whose manifests may be known already. */
  public List<Generation> generations(Archive archive, List<LogDamage> damages) throws IOException {
    TreeMap<Integer, Generation> found = new TreeMap<>();
    for (int number : numbers()) {
      generation(number, damages).ifPresent(one -> found.put(number, one));
    }
    // One that lies in both places was about to be taken away here.
    archive.generations(damages).forEach(one -> found.putIfAbsent(one.number(), one));
    return List.copyOf(found.values());
  }

  /** Folders with records that are not among those generations. */
  List<Path> unreadable(List<Generation> generations) throws IOException {
    List<Path> folders = new ArrayList<>();
    for (int number : numbers()) {
      boolean readable = generations.stream().anyMatch(g -> g.number() == number);
      if (!readable && recordFile(generationFolder(number)).isPresent()) {
        folders.add(generationFolder(number));
      }
    }
    return folders;
  }

  private List<Integer> numbers() throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    List<Integer> numbers = new ArrayList<>();
    try (Stream<Path> children = Files.list(path)) {
      children.forEach(
          child -> {
            Matcher name = GENERATION.matcher(child.getFileName().toString());
            if (name.matches()) {
              numbers.add(Integer.parseInt(name.group(1)));
            }
          });
    }
    numbers.sort(Comparator.naturalOrder());
    return numbers;
  }

  private Optional<Generation> generation(int number, List<LogDamage> damages) throws IOException {
    Path folder = generationFolder(number);
    Path startFile = folder.resolve("start");
    Optional<Map<String, String>> values = SmallFile.read(startFile);
    // Before anything else is read: a newer version may have other files.
    values.ifPresent(v -> checkFormat(startFile, v));
    Optional<Generation.Seal> seal = SmallFile.read(folder.resolve("seal")).map(LogFolder::seal);
    Optional<Generation.Start> start;
    if (values.isPresent()) {
      start = Optional.of(start(values.get()));
    } else {
      // The very first begins with event 1, whether or not that can be read.
      start = guessStart(folder, seal).map(guessed -> number == 1 ? guessed.beforeAll() : guessed);
      if (start.isPresent()) {
        damages.add(
            new LogDamage(
                "metadata",
                startFile.toString(),
                "",
                0,
                0,
                "it is missing or damaged; its content was taken from the first event or the end"));
      } else if (recordFile(folder).isPresent()) {
        damages.add(
            new LogDamage(
                "log", folder.toString(), "", 0, 0, "neither its start nor an event can be read"));
      }
    }
    if (start.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(new Generation(number, folder, start.get(), seal, false));
  }

  /**
   * What the first readable event tells of a start that cannot be read. What stands behind the seal
   * is left over from a batch that was never acknowledged: it tells nothing, and a generation that
   * ended before its first event begins where it ended.
   */
  private static Optional<Generation.Start> guessStart(Path folder, Optional<Generation.Seal> seal)
      throws IOException {
    Optional<Path> file = recordFile(folder);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    long limit = seal.map(Generation.Seal::endPosition).orElse(Long.MAX_VALUE);
    try (RecordSource source = RecordSource.ofFile(file.get())) {
      RecordScanner scanner = new RecordScanner(source, 0, limit);
      RecordScanner.Found found = scanner.next(true);
      if (found instanceof RecordScanner.Hole) {
        found = scanner.next(true);
      }
      return found instanceof RecordScanner.Sound sound
          ? Optional.of(
              new Generation.Start(
                  "",
                  sound.envelope().sequence(),
                  sound.envelope().previousHash(),
                  sound.envelope().wallNanos(),
                  sound.envelope().bootId()))
          : seal.map(s -> new Generation.Start("", s.lastSequence() + 1, s.lastHash(), 0, ""));
    }
  }

  /** The file with the records of a generation; empty where it is missing. */
  public static Optional<Path> recordFile(Path generationFolder) throws IOException {
    if (!Files.isDirectory(generationFolder)) {
      return Optional.empty();
    }
    try (Stream<Path> children = Files.list(generationFolder)) {
      return children
          .filter(child -> child.getFileName().toString().endsWith(".cq4"))
          .min(Comparator.naturalOrder());
    }
  }

  /** Gives back what a generation that was not ended holds behind its last record: zeros. */
  public static void cut(Generation generation, long end) throws IOException {
    Optional<Path> file = recordFile(generation.folder());
    if (file.isPresent()) {
      try (RandomAccessFile records = new RandomAccessFile(file.get().toFile(), "rw")) {
        records.setLength(Math.min(end, records.length()));
      }
    }
  }

  /** Removes a generation that never got an event. */
  static void removeEmpty(Generation generation) throws IOException {
    // Its start goes last: a folder without one is not a generation.
    List<Path> files = new ArrayList<>();
    try (Stream<Path> children = Files.list(generation.folder())) {
      children.filter(child -> !child.endsWith("start")).forEach(files::add);
    }
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
    Files.deleteIfExists(generation.folder().resolve("start"));
    Files.deleteIfExists(generation.folder());
  }

  /** Records how a generation begins. Durable on return. */
  public Generation begin(int number, Generation.Start start) throws IOException {
    Path folder = generationFolder(number);
    Files.createDirectories(folder);
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    putStart(values, start);
    SmallFile.write(folder.resolve("start"), values, true);
    SmallFile.forceFolder(path);
    return new Generation(number, folder, start, Optional.empty(), false);
  }

  static void putStart(Map<String, String> values, Generation.Start start) {
    values.put("format", Integer.toString(FORMAT));
    values.put("node", start.nodeId());
    values.put("first_sequence", Long.toString(start.firstSequence()));
    values.put("previous_hash", HEX.formatHex(start.previousHash()));
    values.put("created_nanos", Long.toString(start.createdNanos()));
    values.put("boot_id", start.bootId());
  }

  static Generation.Start start(Map<String, String> values) {
    return new Generation.Start(
        values.get("node"),
        Long.parseLong(values.get("first_sequence")),
        HEX.parseHex(values.get("previous_hash")),
        Long.parseLong(values.get("created_nanos")),
        values.get("boot_id"));
  }

  /** Records how a generation ended. Durable on return. */
  public Generation end(Generation generation, Generation.Seal seal) throws IOException {
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    putSeal(values, seal);
    SmallFile.write(generation.folder().resolve("seal"), values, true);
    return generation.sealed(seal);
  }

  static void putSeal(Map<String, String> values, Generation.Seal seal) {
    values.put("last_sequence", Long.toString(seal.lastSequence()));
    values.put("last_hash", HEX.formatHex(seal.lastHash()));
    values.put("end_position", Long.toString(seal.endPosition()));
    values.put("clean", Boolean.toString(seal.clean()));
    values.put("reason", seal.reason().replace('\n', ' '));
  }

  static Generation.Seal seal(Map<String, String> values) {
    return new Generation.Seal(
        Long.parseLong(values.get("last_sequence")),
        HEX.parseHex(values.get("last_hash")),
        Long.parseLong(values.get("end_position")),
        Boolean.parseBoolean(values.get("clean")),
        values.get("reason"));
  }

  /**
   * The root of a log, given its folder or the daemon's root folder above it.
   *
   * @throws EventLogException where neither holds a log
   */
  public static LogFolder find(Path logOrRoot) throws IOException {
    for (Path candidate : List.of(logOrRoot, logOrRoot.resolve("log"))) {
      LogFolder folder = new LogFolder(candidate);
      if (Files.exists(folder.identityFile()) || folder.highestGeneration() > 0) {
        return folder;
      }
    }
    throw new EventLogException(
        logOrRoot + " holds no event log; name the daemon's root folder or the log folder in it");
  }
}

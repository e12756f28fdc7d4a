package dev.retainerd.eventlog.files;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A durable event of the newest generation, from which a scan after an unclean stop may begin.
 *
 * @param generation number of the generation
 * @param sequence of the event
 * @param hash 32 bytes: its hash
 * @param endPosition where the next record starts
 */
public record Mark(int generation, long sequence, byte[] hash, long endPosition) {
  private static final HexFormat HEX = HexFormat.of();

  public Mark {
    hash = hash.clone();
  }

  @Override
  public byte[] hash() {
    return hash.clone();
  }

  /** Writes it, without forcing: an older mark does as well. */
  public void write(Path file) throws IOException {
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    values.put("generation", Integer.toString(generation));
    values.put("sequence", Long.toString(sequence));
    values.put("hash", HEX.formatHex(hash));
    values.put("end_position", Long.toString(endPosition));
    SmallFile.write(file, values, false);
  }

  /** Reads it; empty where there is none, or it is damaged. */
  public static Optional<Mark> read(Path file) throws IOException {
    return SmallFile.read(file).map(Mark::of);
  }

  private static Mark of(Map<String, String> values) {
    return new Mark(
        Integer.parseInt(values.get("generation")),
        Long.parseLong(values.get("sequence")),
        HEX.parseHex(values.get("hash")),
        Long.parseLong(values.get("end_position")));
  }
}

package dev.retainerd.eventlog.files;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Ranges of sequences whose loss was reported by an earlier opening, so that it is not again. */
record KnownLosses(List<long[]> ranges) {

  static KnownLosses read(LogFolder folder) throws IOException {
    List<long[]> ranges = new ArrayList<>();
    Map<String, String> values = SmallFile.read(file(folder)).orElse(Map.of());
    values.forEach(
        (first, last) -> ranges.add(new long[] {Long.parseLong(first), Long.parseLong(last)}));
    return new KnownLosses(ranges);
  }

  boolean covers(long first, long last) {
    return ranges.stream().anyMatch(range -> range[0] <= first && last <= range[1]);
  }

  KnownLosses with(long first, long last) {
    if (covers(first, last)) {
      return this;
    }
    List<long[]> more = new ArrayList<>(ranges);
    more.add(new long[] {first, last});
    return new KnownLosses(more);
  }

  void write(LogFolder folder) throws IOException {
    if (ranges.isEmpty()) {
      return;
    }
    LinkedHashMap<String, String> values = new LinkedHashMap<>();
    for (long[] range : ranges) {
      values.put(Long.toString(range[0]), Long.toString(range[1]));
    }
    SmallFile.write(file(folder), values, true);
  }

  private static Path file(LogFolder folder) {
    return folder.path().resolve("losses");
  }
}

package dev.retainerd.runtime.archive;

import dev.retainerd.runtime.error.Refusal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The records of a PAX extended header, which go before the entry they speak of. Values stay bytes,
 * one to a char, because those of extended attributes are binary.
 */
final class PaxHeader {
  private static final String XATTR = "SCHILY.xattr.";
  static final PaxHeader NONE = new PaxHeader();

  private final Map<String, String> records = new HashMap<>();
  private final Map<String, byte[]> xattrs = new LinkedHashMap<>();
  private final List<TarEntry.Piece> sparse = new ArrayList<>();
  private long sparseOffset = -1;

  static PaxHeader parse(byte[] body) {
    PaxHeader header = new PaxHeader();
    int at = 0;
    while (at < body.length && body[at] != 0) {
      int space = at;
      while (space < body.length && body[space] >= '0' && body[space] <= '9') {
        space++;
      }
      int length = length(body, at, space);
      int end = at + length;
      if (space >= body.length
          || body[space] != ' '
          || end > body.length
          || end <= space + 1
          || body[end - 1] != '\n') {
        throw broken();
      }
      header.record(new String(body, space + 1, end - space - 2, StandardCharsets.ISO_8859_1));
      at = end;
    }
    return header;
  }

  private static int length(byte[] body, int from, int to) {
    if (to == from || to - from > 9) {
      throw broken();
    }
    return Integer.parseInt(new String(body, from, to - from, StandardCharsets.US_ASCII));
  }

  private static Refusal broken() {
    return Refusal.invalidArgument("the archive has a broken PAX header; it is damaged");
  }

  private void record(String record) {
    int equals = record.indexOf('=');
    if (equals <= 0) {
      throw broken();
    }
    String key = record.substring(0, equals);
    String value = record.substring(equals + 1);
    if (key.startsWith(XATTR)) {
      xattrs.put(key.substring(XATTR.length()), value.getBytes(StandardCharsets.ISO_8859_1));
    } else if (key.equals("GNU.sparse.offset")) {
      sparseOffset = TarNumber.decimal(value, key);
    } else if (key.equals("GNU.sparse.numbytes")) {
      sparse.add(new TarEntry.Piece(sparseOffset, TarNumber.decimal(value, key)));
    } else {
      records.put(key, value);
    }
  }

  Optional<String> get(String key) {
    return Optional.ofNullable(records.get(key)).filter(value -> !value.isEmpty());
  }

  Optional<Long> number(String key) {
    return get(key).map(value -> TarNumber.decimal(value, key));
  }

  Map<String, byte[]> xattrs() {
    return xattrs;
  }

  /** Whether the map of a sparse file stands in front of its data (GNU's format 1.0). */
  boolean sparseMapInData() {
    return get("GNU.sparse.major").filter("1"::equals).isPresent();
  }

  /** The map of a sparse file in GNU's formats 0.0 and 0.1; empty where it is none. */
  Optional<List<TarEntry.Piece>> sparseMap() {
    Optional<String> map = get("GNU.sparse.map");
    if (map.isPresent()) {
      String[] numbers = map.get().split(",", -1);
      List<TarEntry.Piece> pieces = new ArrayList<>();
      for (int i = 0; i + 1 < numbers.length; i += 2) {
        pieces.add(
            new TarEntry.Piece(
                TarNumber.decimal(numbers[i], "GNU.sparse.map"),
                TarNumber.decimal(numbers[i + 1], "GNU.sparse.map")));
      }
      return Optional.of(pieces);
    }
    return sparse.isEmpty() ? Optional.empty() : Optional.of(sparse);
  }

  /** The size with its holes. */
  Optional<Long> sparseSize() {
    return number("GNU.sparse.realsize").or(() -> number("GNU.sparse.size"));
  }
}

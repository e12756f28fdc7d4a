package dev.retainerd.store.fold;

import dev.retainerd.eventlog.proto.ContainerRecord;
import dev.retainerd.eventlog.proto.CriContainer;
import dev.retainerd.eventlog.proto.SandboxRecord;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Lets records share strings that are equal: a thousand containers name their labels, image and
 * runtime alike, and each names its own id several times. What a record says is not changed by it.
 *
 * <p>Holds so many strings at most, of which a new one takes an old one's place. Any thread:
 * strings are immutable, and a lost race only costs a copy.
 */
final class SharedStrings {
  private static final int PLACES = 4096;
  private static final int LONGEST = 256;
  private static final String[] HELD = new String[PLACES];

  private SharedStrings() {}

  static String of(String text) {
    if (text.isEmpty() || text.length() > LONGEST) {
      return text;
    }
    int hash = text.hashCode();
    int place = (hash ^ hash >>> 16) & PLACES - 1;
    String held = HELD[place];
    if (text.equals(held)) {
      return held;
    }
    HELD[place] = text;
    return text;
  }

  /** The record without its spec. */
  static ContainerRecord of(ContainerRecord record) {
    ContainerRecord.Builder shared =
        record.toBuilder()
            .clearSpec()
            .setId(of(record.getId()))
            .setImage(of(record.getImage()))
            .setRuntime(of(record.getRuntime()))
            .setSnapshotter(of(record.getSnapshotter()))
            .setSnapshotKey(of(record.getSnapshotKey()))
            .setSandboxId(of(record.getSandboxId()))
            .clearLabels()
            .putAllLabels(of(record.getLabelsMap()));
    if (record.hasCri()) {
      CriContainer cri = record.getCri();
      shared.setCri(
          cri.toBuilder()
              .setName(of(cri.getName()))
              .setSandboxId(of(cri.getSandboxId()))
              .setImageRef(of(cri.getImageRef()))
              .setImageId(of(cri.getImageId()))
              .setStopSignal(of(cri.getStopSignal())));
    }
    return shared.build();
  }

  static SandboxRecord of(SandboxRecord record) {
    return record.toBuilder()
        .setId(of(record.getId()))
        .clearLabels()
        .putAllLabels(of(record.getLabelsMap()))
        .build();
  }

  private static Map<String, String> of(Map<String, String> labels) {
    Map<String, String> shared = new LinkedHashMap<>();
    labels.forEach((key, value) -> shared.put(of(key), of(value)));
    return shared;
  }
}

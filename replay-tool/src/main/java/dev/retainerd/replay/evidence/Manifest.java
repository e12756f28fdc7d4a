package dev.retainerd.replay.evidence;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.retainerd.replay.history.LookFailure;

/**
 * What an evidence file says of itself.
 *
 * @param format number of the format
 * @param tool which program wrote it
 * @param made when, RFC 3339
 * @param node whose history it is
 * @param selection which events were asked for, in words
 * @param redaction what was taken out, in words; "" for nothing
 * @param first sequence of the first event
 * @param last sequence of the last
 * @param events how many there are
 * @param redacted how many of them have their secrets taken out
 * @param dense whether it holds every event from the first to the last
 * @param previousHash hash of the event before the first, hex
 * @param head hash of the last event, hex
 */
public record Manifest(
    int format,
    String tool,
    String made,
    String node,
    String selection,
    String redaction,
    long first,
    long last,
    long events,
    long redacted,
    boolean dense,
    String previousHash,
    String head) {
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create();

  String json() {
    return GSON.toJson(this) + "\n";
  }

  /**
   * Reads one.
   *
   * @throws LookFailure where it is none, or of a newer format
   */
  static Manifest parse(String name, String json) {
    try {
      Manifest manifest = GSON.fromJson(json, Manifest.class);
      if (manifest == null || manifest.format < 1 || manifest.node == null) {
        throw new LookFailure(name + " has a manifest that is none");
      }
      if (manifest.format > EvidenceFile.FORMAT) {
        throw new LookFailure(
            name
                + " has format "
                + manifest.format
                + " and this version reads up to "
                + EvidenceFile.FORMAT
                + "; use the version that made it ("
                + manifest.tool
                + "), or a newer one");
      }
      return manifest;
    } catch (JsonParseException e) {
      throw new LookFailure(name + " has a manifest that is no JSON", e);
    }
  }
}

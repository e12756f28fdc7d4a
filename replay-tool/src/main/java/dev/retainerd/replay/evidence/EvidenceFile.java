package dev.retainerd.replay.evidence;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What an evidence file is: a zip with these entries. Anybody can take it apart with unzip and
 * check it with sha256sum; the events in it are those of the log, byte for byte, or redacted with
 * the same hashes.
 */
public final class EvidenceFile {
  /** What it is, and which events. */
  public static final String MANIFEST = "manifest.json";

  /** Envelopes, one after the other. */
  public static final String EVENTS = "events";

  /** Signed checkpoints that cover some of the events. */
  public static final String CHECKPOINTS = "checkpoints";

  /** The key that they verify with. */
  public static final String KEY = "checkpoint.pub";

  /** Merkle hashes of what the checkpoints cover and the file does not hold. */
  public static final String PROOFS = "proofs";

  /** How to check it without this program. */
  public static final String README = "README.txt";

  /** Hashes of all of these, as sha256sum writes and reads them. */
  public static final String SUMS = "SHA256SUMS";

  /** The format that is written, and the newest that is read. */
  public static final int FORMAT = 1;

  static final List<String> ORDER =
      List.of(README, EVENTS, CHECKPOINTS, KEY, PROOFS, MANIFEST, SUMS);

  static final byte[] README_TEXT =
      """
      This file holds a part of the event log of a container node, as evidence.

      unzip it, then:
        sha256sum -c SHA256SUMS     nothing in it was changed since it was made
        manifest.json               which node, which events, made when and by which version
        events                      the events, one after the other. Each carries a CRC-32C, its
                                    SHA-256, and that of the event before it; its layout is drawn in
                                    docs/event-format.md of retainerd
        checkpoints                 statements of the node, signed with Ed25519: C2SP tlog-checkpoints
        checkpoint.pub              the key they verify with: NAME+HASH+BASE64, C2SP signed note
        proofs                      "checkpoint FIRST LAST", then the Merkle hashes (RFC 6962, hex,
                                    left to right) of the subtrees of that checkpoint which hold none
                                    of the events at hand

      "rewind open FILE" does all of that, and every verb of rewind reads the file.

      What it proves: these events, in this order, were signed for by the holder of that key.
      What it does not: that the key is the node's (compare it with one noted elsewhere), that the
      node's clock was right, or what the workload itself did.
      """
          .getBytes(StandardCharsets.UTF_8);

  private EvidenceFile() {}
}

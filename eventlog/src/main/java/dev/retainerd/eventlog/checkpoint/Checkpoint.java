package dev.retainerd.eventlog.checkpoint;

import dev.retainerd.eventlog.EventLogException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/**
 * A signed statement of what the log held: the events from one sequence to another, as the root of
 * their Merkle tree, and the hash that the chain had reached.
 *
 * <p>Its text is a C2SP tlog-checkpoint in a signed note: origin, number of events, root; then, as
 * extension lines, the range, the chain's head, and the time; an empty line; the signature.
 *
 * @param origin {@code retainerd/NODE-ID}
 * @param firstSequence first event covered
 * @param lastSequence last event covered; every earlier one is covered through the chain
 * @param root 32 bytes: root over the events' hashes
 * @param head 32 bytes: hash of the last event
 * @param wallNanos when it was made, nanoseconds since the epoch
 * @param signature the signature line, without its line feed; "" before signing
 */
public record Checkpoint(
    String origin,
    long firstSequence,
    long lastSequence,
    byte[] root,
    byte[] head,
    long wallNanos,
    String signature) {
  static final String DASH = "— ";

  public Checkpoint {
    root = root.clone();
    head = head.clone();
  }

  @Override
  public byte[] root() {
    return root.clone();
  }

  @Override
  public byte[] head() {
    return head.clone();
  }

  /** The origin line for a node. */
  public static String originOf(String nodeId) {
    return "retainerd/" + nodeId;
  }

  /** What is signed; ends with a line feed. */
  public String body() {
    Base64.Encoder base64 = Base64.getEncoder();
    return origin
        + "\n"
        + (lastSequence - firstSequence + 1)
        + "\n"
        + base64.encodeToString(root)
        + "\nevents "
        + firstSequence
        + " "
        + lastSequence
        + "\nhead "
        + base64.encodeToString(head)
        + "\ntime "
        + wallNanos
        + "\n";
  }

  /** The whole note. */
  public String text() {
    return body() + "\n" + signature + "\n";
  }

  Checkpoint signed(String line) {
    return new Checkpoint(origin, firstSequence, lastSequence, root, head, wallNanos, line);
  }

  /** Whether these are the events it speaks of. */
  public boolean covers(List<byte[]> hashes) {
    return hashes.size() == lastSequence - firstSequence + 1
        && Arrays.equals(root, MerkleTree.root(hashes))
        && Arrays.equals(head, hashes.getLast());
  }

  /**
   * The same, of hashes that stand one behind the other.
   *
   * @param count how many there are
   */
  public boolean covers(byte[] hashes, int count) {
    int last = (count - 1) * root.length;
    return count > 0
        && count == lastSequence - firstSequence + 1
        && Arrays.equals(root, MerkleTree.root(hashes, count))
        && Arrays.equals(head, 0, head.length, hashes, last, last + root.length);
  }

  /**
   * Reads notes that stand one after the other. The last one may be cut short: it is left out.
   *
   * @throws EventLogException where another is not in that form
   */
  public static List<Checkpoint> parseAll(byte[] bytes) {
    List<Checkpoint> all = new ArrayList<>();
    int at = 0;
    for (int end = endOfNext(bytes, at); end >= 0; end = endOfNext(bytes, at)) {
      String note = new String(bytes, at, end - at, StandardCharsets.UTF_8);
      int blank = note.indexOf("\n\n" + DASH);
      all.add(parse(note.substring(0, blank + 1), note.substring(blank + 2, note.length() - 1)));
      at = end;
    }
    return all;
  }

  /** The first byte behind the first note that ends at or after {@code at}; -1 where none does. */
  static int endOfNext(byte[] bytes, int at) {
    byte[] signature = ("\n\n" + DASH).getBytes(StandardCharsets.UTF_8);
    for (int i = at; i + signature.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + signature.length, signature, 0, signature.length)) {
        for (int end = i + signature.length; end < bytes.length; end++) {
          if (bytes[end] == '\n') {
            return end + 1;
          }
        }
        return -1;
      }
    }
    return -1;
  }

  private static Checkpoint parse(String body, String signature) {
    String[] lines = body.split("\n", -1);
    try {
      String[] range = lines[3].split(" ", -1);
      Checkpoint read =
          new Checkpoint(
              lines[0],
              Long.parseLong(range[1]),
              Long.parseLong(range[2]),
              Base64.getDecoder().decode(lines[2]),
              Base64.getDecoder().decode(lines[4].substring("head ".length())),
              Long.parseLong(lines[5].substring("time ".length())),
              signature);
      if (read.body().equals(body)) {
        return read;
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new EventLogException("a checkpoint is not in the form of one: " + lines[0], e);
    }
    throw new EventLogException("a checkpoint is not in the form of one: " + lines[0]);
  }
}

package dev.retainerd.eventlog.checkpoint;

import dev.retainerd.eventlog.EventLogException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * The public half of a {@link NodeKey}, in the text form of C2SP's signed notes: {@code
 * NAME+HASH+BASE64}. Thread-safe.
 *
 * @param name of the key
 * @param hash first four bytes of SHA-256 over name, line feed, algorithm and key
 * @param key 32 bytes
 */
public record VerifierKey(String name, int hash, byte[] key) {
  private static final byte ED25519 = 1;

  /** What stands before the 32 bytes of an Ed25519 key in its X.509 form. */
  private static final byte[] X509_PREFIX = HexFormat.of().parseHex("302a300506032b6570032100");

  public VerifierKey {
    key = key.clone();
  }

  @Override
  public byte[] key() {
    return key.clone();
  }

  static VerifierKey of(String name, PublicKey open) {
    byte[] encoded = open.getEncoded();
    byte[] key = Arrays.copyOfRange(encoded, X509_PREFIX.length, encoded.length);
    return new VerifierKey(name, hash(name, key), key);
  }

  private static int hash(String name, byte[] key) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((name + "\n").getBytes(StandardCharsets.UTF_8));
      digest.update(ED25519);
      return ByteBuffer.wrap(digest.digest(key)).getInt();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }

  /** The text form. */
  public String text() {
    byte[] typed = ByteBuffer.allocate(1 + key.length).put(ED25519).put(key).array();
    return String.format("%s+%08x+%s", name, hash, Base64.getEncoder().encodeToString(typed));
  }

  /**
   * Reads the text form.
   *
   * @throws EventLogException where it is no Ed25519 key in that form
   */
  public static VerifierKey parse(String text) {
    try {
      String[] parts = text.strip().split("\\+", 3);
      byte[] typed = Base64.getDecoder().decode(parts[2]);
      byte[] key = Arrays.copyOfRange(typed, 1, typed.length);
      VerifierKey read = new VerifierKey(parts[0], hash(parts[0], key), key);
      if (typed[0] == ED25519 && key.length == 32 && read.text().equals(text.strip())) {
        return read;
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new EventLogException("this is no key for checkpoints: " + text, e);
    }
    throw new EventLogException("this is no key for checkpoints: " + text);
  }

  /** Whether the checkpoint carries this key's signature of what it says. */
  public boolean verifies(Checkpoint checkpoint) {
    String prefix = Checkpoint.DASH + name + " ";
    if (!checkpoint.signature().startsWith(prefix)) {
      return false;
    }
    try {
      byte[] line = Base64.getDecoder().decode(checkpoint.signature().substring(prefix.length()));
      if (line.length != 68 || ByteBuffer.wrap(line).getInt() != hash) {
        return false;
      }
      byte[] x509 =
          ByteBuffer.allocate(X509_PREFIX.length + key.length).put(X509_PREFIX).put(key).array();
      Signature verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(
          KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(x509)));
      verifier.update(checkpoint.body().getBytes(StandardCharsets.UTF_8));
      return verifier.verify(line, 4, 64);
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      return false;
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof VerifierKey that && text().equals(that.text());
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return text();
  }
}

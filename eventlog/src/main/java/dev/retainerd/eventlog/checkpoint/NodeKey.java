package dev.retainerd.eventlog.checkpoint;

import dev.retainerd.eventlog.EventLogException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.Set;

/**
 * The node's Ed25519 key, which signs checkpoints. Made on first start; never leaves its folder,
 * which is not within the log's, so that a copy of the log does not carry it. Thread-safe.
 */
public final class NodeKey {
  private static final String ALGORITHM = "Ed25519";

  private final PrivateKey key;
  private final VerifierKey verifier;

  private NodeKey(PrivateKey key, VerifierKey verifier) {
    this.key = key;
    this.verifier = verifier;
  }

  /**
   * The key in that folder, made where there is none.
   *
   * @param name the key's name in signatures, as in {@link Checkpoint#originOf}
   */
  public static NodeKey loadOrMake(Path folder, String name) {
    Path file = folder.resolve("checkpoint.key");
    try {
      if (Files.notExists(file)) {
        make(file);
      }
      String[] lines = Files.readString(file).split("\n", -1);
      KeyFactory factory = KeyFactory.getInstance(ALGORITHM);
      PrivateKey key =
          factory.generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(lines[0])));
      PublicKey open =
          factory.generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(lines[1])));
      return new NodeKey(key, VerifierKey.of(name, open));
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new EventLogException(
          "the node's key for checkpoints in "
              + file
              + " cannot be used ("
              + e
              + "); move it away, then a new one is made",
          e);
    }
  }

  private static void make(Path file) throws IOException, GeneralSecurityException {
    KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
    Base64.Encoder base64 = Base64.getEncoder();
    String text =
        base64.encodeToString(pair.getPrivate().getEncoded())
            + "\n"
            + base64.encodeToString(pair.getPublic().getEncoded())
            + "\n";
    Files.createDirectories(file.getParent());
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(fresh);
    try (FileChannel out =
        FileChannel.open(
            fresh,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      out.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
      out.force(true);
    }
    try {
      Files.move(fresh, file);
    } catch (FileAlreadyExistsException e) {
      Files.delete(fresh);
    }
  }

  /** What others need to check its signatures. */
  public VerifierKey verifier() {
    return verifier;
  }

  /** The checkpoint with its signature. */
  public Checkpoint sign(Checkpoint checkpoint) {
    try {
      Signature signer = Signature.getInstance(ALGORITHM);
      signer.initSign(key);
      signer.update(checkpoint.body().getBytes(StandardCharsets.UTF_8));
      byte[] signature = signer.sign();
      byte[] line =
          ByteBuffer.allocate(4 + signature.length).putInt(verifier.hash()).put(signature).array();
      return checkpoint.signed(
          Checkpoint.DASH + verifier.name() + " " + Base64.getEncoder().encodeToString(line));
    } catch (GeneralSecurityException e) {
      throw new EventLogException("a checkpoint cannot be signed: " + e, e);
    }
  }
}

package dev.retainerd.bench.image;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes the few kinds of entry that our image needs, in the ustar format (POSIX.1-1988). Every
 * entry belongs to root and has the time 0, so that the same input gives the same bytes.
 */
final class Tar {
  private static final int BLOCK = 512;
  private static final int NAME_MAX = 100;

  private final OutputStream out;

  Tar(OutputStream out) {
    this.out = out;
  }

  /** A folder; {@code mode} as in chmod. */
  void folder(String name, int mode) throws IOException {
    header(name + "/", mode, 0, '5', "");
  }

  /** A regular file. */
  void file(String name, int mode, byte[] content) throws IOException {
    header(name, mode, content.length, '0', "");
    out.write(content);
    out.write(new byte[(BLOCK - content.length % BLOCK) % BLOCK]);
  }

  /** A regular file whose content stands in another. */
  void file(String name, int mode, Path content) throws IOException {
    long size = Files.size(content);
    header(name, mode, size, '0', "");
    Files.copy(content, out);
    out.write(new byte[(int) ((BLOCK - size % BLOCK) % BLOCK)]);
  }

  /** A symbolic link to {@code target}. */
  void link(String name, String target) throws IOException {
    header(name, 0777, 0, '2', target);
  }

  /** Two empty blocks end an archive. */
  void end() throws IOException {
    out.write(new byte[2 * BLOCK]);
    out.flush();
  }

  private void header(String name, int mode, long size, char type, String link) throws IOException {
    if (name.length() > NAME_MAX || link.length() > NAME_MAX) {
      throw new IOException("the name " + name + " is longer than an ustar header holds");
    }
    ByteArrayOutputStream block = new ByteArrayOutputStream(BLOCK);
    text(block, name, NAME_MAX);
    octal(block, mode, 8);
    octal(block, 0, 8);
    octal(block, 0, 8);
    octal(block, size, 12);
    octal(block, 0, 12);
    text(block, "        ", 8);
    block.write(type);
    text(block, link, NAME_MAX);
    block.writeBytes(new byte[] {'u', 's', 't', 'a', 'r', 0, '0', '0'});
    text(block, "root", 32);
    text(block, "root", 32);
    block.writeBytes(new byte[BLOCK - block.size()]);
    byte[] bytes = block.toByteArray();
    int sum = 0;
    for (byte b : bytes) {
      sum += b & 0xff;
    }
    byte[] checksum = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(checksum, 0, bytes, 148, checksum.length);
    out.write(bytes);
  }

  private static void text(ByteArrayOutputStream block, String value, int width) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    block.writeBytes(bytes);
    block.writeBytes(new byte[width - bytes.length]);
  }

  private static void octal(ByteArrayOutputStream block, long value, int width) {
    text(block, String.format("%0" + (width - 1) + "o", value), width);
  }
}

package dev.retainerd.runtime.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Makes archives for tests, also such as no honest tool would make. */
public final class TarBuilder {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes, "UTF-8");

  public TarBuilder() {
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
  }

  public TarBuilder file(String name, String content) {
    return file(name, content.getBytes(StandardCharsets.UTF_8), 0644, 0, Map.of());
  }

  public TarBuilder file(
      String name, byte[] content, int mode, int owner, Map<String, String> pax) {
    TarArchiveEntry entry = entry(name, TarConstants.LF_NORMAL, mode);
    entry.setSize(content.length);
    entry.setIds(owner, owner);
    pax.forEach(entry::addPaxHeader);
    return put(entry, content);
  }

  public TarBuilder folder(String name, int mode) {
    return put(entry(name + "/", TarConstants.LF_DIR, mode), new byte[0]);
  }

  public TarBuilder symlink(String name, String to) {
    TarArchiveEntry entry = entry(name, TarConstants.LF_SYMLINK, 0777);
    entry.setLinkName(to);
    return put(entry, new byte[0]);
  }

  public TarBuilder hardlink(String name, String to) {
    TarArchiveEntry entry = entry(name, TarConstants.LF_LINK, 0644);
    entry.setLinkName(to);
    return put(entry, new byte[0]);
  }

  public TarBuilder device(String name, int major, int minor) {
    TarArchiveEntry entry = entry(name, TarConstants.LF_CHR, 0620);
    entry.setDevMajor(major);
    entry.setDevMinor(minor);
    return put(entry, new byte[0]);
  }

  public TarBuilder fifo(String name) {
    return put(entry(name, TarConstants.LF_FIFO, 0600), new byte[0]);
  }

  private static TarArchiveEntry entry(String name, byte type, int mode) {
    TarArchiveEntry entry = new TarArchiveEntry(name, type, true);
    entry.setMode(mode);
    entry.setIds(0, 0);
    entry.setModTime(1_600_000_000_000L);
    return entry;
  }

  private TarBuilder put(TarArchiveEntry entry, byte[] content) {
    try {
      tar.putArchiveEntry(entry);
      tar.write(content);
      tar.closeArchiveEntry();
      return this;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  public byte[] build() {
    try {
      tar.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return bytes.toByteArray();
  }
}

package dev.retainerd.runtime.archive;

/**
 * What a layer may cost. Immutable.
 *
 * @param bytes uncompressed bytes of the whole archive
 * @param entries names in it
 * @param freeBytes what must stay free on the disk it is unpacked to
 */
public record Bounds(long bytes, long entries, long freeBytes) {
  /** 128 GiB, four million names, 256 MiB left free: more than images have, less than a bomb. */
  public static final Bounds USUAL = new Bounds(128L << 30, 4_000_000, 256L << 20);
}

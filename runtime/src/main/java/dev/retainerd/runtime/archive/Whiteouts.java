package dev.retainerd.runtime.archive;

/** How a layer's notes about removed names ({@code .wh.NAME}) are carried out. */
public enum Whiteouts {
  /** The folder is the upper folder of an overlay: removed names become device nodes 0/0. */
  OVERLAY,
  /** The folder is the file system itself: names are removed. */
  DIRECT
}

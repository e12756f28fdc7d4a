package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;

/** Hears how a transfer goes. Called from several threads; must not block for long. */
public interface TransferProgress {

  /** What has happened to a part, in the words of containerd's progress events. */
  enum Event {
    WAITING("waiting"),
    DOWNLOADING("downloading"),
    UPLOADING("uploading"),
    EXISTS("already exists"),
    COMPLETE("complete"),
    EXTRACTING("extracting"),
    EXTRACTED("extracted"),
    SAVED("saved"),
    DONE("done");

    private final String word;

    Event(String word) {
      this.word = word;
    }

    public String word() {
      return word;
    }
  }

  /** Nobody listens. */
  TransferProgress NONE = (event, kind, part, bytes) -> {};

  /**
   * Something has happened.
   *
   * @param kind of the part: index, manifest, config, layer, image
   * @param bytes of it that are through
   */
  void tell(Event event, String kind, Descriptor part, long bytes);
}

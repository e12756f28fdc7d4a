package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.runtime.archive.Bounds;
import dev.retainerd.runtime.archive.Compression;
import dev.retainerd.runtime.archive.LayerApplier;
import dev.retainerd.runtime.archive.LayerComparison;
import dev.retainerd.runtime.archive.Whiteouts;
import dev.retainerd.runtime.content.Digest;
import dev.retainerd.runtime.error.Refusal;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Folders as blobs: a plain tar archive of what is in them. Thread-safe. */
public final class FolderBlobs {
  private final ContentService content;

  public FolderBlobs(ContentService content) {
    this.content = content;
  }

  /**
   * Writes what is in the folder as a blob of the namespace, durable when this returns; on failure
   * nothing of it is left.
   */
  public Descriptor write(Scope scope, Path folder, String mediaType) {
    String ref = "folder-" + UUID.randomUUID();
    try (ContentWriter writer = content.write(scope.namespace(), ref, 0, Optional.empty())) {
      boolean done = false;
      try {
        LayerOutput out = new LayerOutput(writer, Compression.NONE);
        LayerComparison.write(
            new LayerComparison.Side(List.of(), false),
            new LayerComparison.Side(List.of(folder), false),
            out,
            Optional.empty());
        out.close();
        Descriptor written =
            Descriptor.newBuilder()
                .setMediaType(mediaType)
                .setDigest(writer.digest().toString())
                .setSize(writer.offset())
                .build();
        try {
          writer.commit(scope, 0, Optional.empty(), Map.of());
          done = true;
        } catch (Refusal e) {
          // The same bytes again: what is there serves, and the lease holds it.
          if (!e.is(Refusal.Code.ALREADY_EXISTS)) {
            throw e;
          }
        }
        return written;
      } finally {
        if (!done) {
          writer.abort();
        }
      }
    } catch (IOException e) {
      throw Faults.of("the folder " + folder + " could not be packed", e);
    }
  }

  /**
   * Unpacks such a blob into an empty folder; see {@link LayerApplier} for what is refused.
   *
   * @throws Refusal NOT_FOUND where the namespace does not hold it
   */
  public void read(String namespace, Digest digest, Path folder) {
    try (InputStream in = Channels.newInputStream(content.open(namespace, digest))) {
      LayerApplier.apply(in, folder, Whiteouts.DIRECT, List.of(), Bounds.USUAL);
    } catch (IOException e) {
      throw Faults.of("content " + digest + " could not be unpacked", e);
    }
  }
}

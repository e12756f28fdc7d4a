package dev.retainerd.store.snapshot;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Message;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Entries as bytes. */
public final class EntryBytes {
  private EntryBytes() {}

  /** The same entry gives the same bytes, whatever order its maps were filled in. */
  public static byte[] of(Message entry) {
    byte[] bytes = new byte[entry.getSerializedSize()];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      entry.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes;
  }
}

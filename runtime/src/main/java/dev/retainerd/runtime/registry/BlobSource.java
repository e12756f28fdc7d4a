package dev.retainerd.runtime.registry;

import java.io.InputStream;

/** Where a blob's bytes come from. */
public interface BlobSource {

  /** The blob from its start; opened anew where a request is sent again. The reader closes it. */
  InputStream open();
}

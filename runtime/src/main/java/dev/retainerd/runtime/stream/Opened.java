package dev.retainerd.runtime.stream;

import io.netty.handler.codec.Headers;

/** What is done with the streams a client opens, until a request has all it needs. */
interface Opened {

  /**
   * A stream was opened. Called on the event loop; must not block.
   *
   * @return false to refuse it
   */
  boolean opened(ClientStream stream, Headers<CharSequence, CharSequence, ?> headers);

  /** Whether the client has opened all it must; asked when the time for it is over. */
  boolean complete();
}

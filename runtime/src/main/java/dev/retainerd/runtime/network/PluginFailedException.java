package dev.retainerd.runtime.network;

import dev.retainerd.runtime.error.Refusal;

/** A plugin call that failed; its message is a sentence with plugin, network, pod and reason. */
final class PluginFailedException extends Exception {
  private static final long serialVersionUID = 1L;

  /** CNI's code for "try again later". */
  static final int TRY_AGAIN = 11;

  /** CNI's code for a container that the plugin does not know. */
  static final int UNKNOWN_CONTAINER = 3;

  private final transient Refusal.Code code;
  private final int pluginCode;

  PluginFailedException(Refusal.Code code, String sentence, int pluginCode, Throwable cause) {
    super(sentence, cause);
    this.code = code;
    this.pluginCode = pluginCode;
  }

  PluginFailedException(Refusal.Code code, String sentence) {
    this(code, sentence, 0, null);
  }

  /** The code in the plugin's error object; 0 if it gave none. */
  int pluginCode() {
    return pluginCode;
  }

  /** No binary of its name was found, so nothing was done. */
  boolean isNotInstalled() {
    return code == Refusal.Code.FAILED_PRECONDITION;
  }

  Refusal toRefusal() {
    return new Refusal(code, getMessage(), this);
  }
}

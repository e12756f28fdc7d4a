package dev.retainerd.runtime.network;

/**
 * Whether pods can be attached now.
 *
 * @param reason a word for programs; empty when ready
 * @param message a sentence for people; also when ready, if a configuration file was passed over
 */
public record NetworkStatus(boolean ready, String reason, String message) {
  /** The word that kubelet and its users know. */
  public static final String NOT_READY = "NetworkPluginNotReady";
}

package dev.retainerd.runtime.network;

import java.util.List;

/**
 * One network that a pod is attached to. The caller keeps it and brings it back for CHECK and DEL,
 * which then do what ADD's configuration said, even if the folder says something else by then.
 *
 * @param network the network's name
 * @param addresses without prefix length, the primary one first
 * @param result what ADD answered, verbatim JSON; empty if that is not known
 * @param config the configuration list that ADD used, verbatim JSON
 */
public record Attachment(String network, List<String> addresses, byte[] result, byte[] config) {
  public Attachment {
    addresses = List.copyOf(addresses);
  }
}

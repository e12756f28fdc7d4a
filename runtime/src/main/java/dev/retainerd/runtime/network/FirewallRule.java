package dev.retainerd.runtime.network;

/**
 * A rule of the node's nat table that a plugin made for one pod: masquerading by bridge, or the
 * forwarding of host ports by portmap. Both sign their rules with a comment of network and pod.
 *
 * @param ipv6 of ip6tables rather than iptables
 * @param chain the chain that belongs to the pod alone, which the rule jumps to
 * @param text the rule as iptables-save prints it
 */
public record FirewallRule(
    boolean ipv6, String network, String sandboxId, String chain, String text) {}

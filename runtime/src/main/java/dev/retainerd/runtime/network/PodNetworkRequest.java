package dev.retainerd.runtime.network;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What plugins are told about a pod. The same request is given for ADD, CHECK and DEL.
 *
 * @param sandboxId CNI's container id
 * @param netns the pinned network namespace; for DEL it may be gone
 * @param podNamespace the pod's namespace in Kubernetes; may be empty, as may name and uid
 * @param portMappings those without a host port are left out
 * @param ips addresses asked for, with or without prefix; empty for any
 * @param mac the hardware address asked for
 * @param cgroupPath empty for none
 */
public record PodNetworkRequest(
    String sandboxId,
    Path netns,
    String podNamespace,
    String podName,
    String podUid,
    List<PortMapping> portMappings,
    Optional<Bandwidth> bandwidth,
    Optional<Dns> dns,
    List<String> ips,
    Optional<String> mac,
    String cgroupPath,
    Map<String, String> podAnnotations) {

  public PodNetworkRequest {
    portMappings = List.copyOf(portMappings);
    ips = List.copyOf(ips);
    podAnnotations = Map.copyOf(podAnnotations);
  }

  /** A request without wishes. */
  public static PodNetworkRequest of(
      String sandboxId, Path netns, String podNamespace, String podName, String podUid) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        List.of(),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        "",
        Map.of());
  }

  public PodNetworkRequest withPortMappings(List<PortMapping> mappings) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        mappings,
        bandwidth,
        dns,
        ips,
        mac,
        cgroupPath,
        podAnnotations);
  }

  public PodNetworkRequest withBandwidth(Optional<Bandwidth> limit) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        portMappings,
        limit,
        dns,
        ips,
        mac,
        cgroupPath,
        podAnnotations);
  }

  public PodNetworkRequest withDns(Optional<Dns> settings) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        portMappings,
        bandwidth,
        settings,
        ips,
        mac,
        cgroupPath,
        podAnnotations);
  }

  public PodNetworkRequest withAddresses(List<String> wanted, Optional<String> hardwareAddress) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        portMappings,
        bandwidth,
        dns,
        wanted,
        hardwareAddress,
        cgroupPath,
        podAnnotations);
  }

  public PodNetworkRequest withPod(String cgroup, Map<String, String> annotations) {
    return new PodNetworkRequest(
        sandboxId,
        netns,
        podNamespace,
        podName,
        podUid,
        portMappings,
        bandwidth,
        dns,
        ips,
        mac,
        cgroup,
        annotations);
  }

  /**
   * A port of the node that leads to one of the pod.
   *
   * @param protocol tcp, udp or sctp
   * @param hostIp empty for all addresses of the node
   */
  public record PortMapping(int hostPort, int containerPort, String protocol, String hostIp) {}

  /** What resolv.conf will say; some plugins want to know. */
  public record Dns(List<String> servers, List<String> searches, List<String> options) {
    public Dns {
      servers = List.copyOf(servers);
      searches = List.copyOf(searches);
      options = List.copyOf(options);
    }
  }
}

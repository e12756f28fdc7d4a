package dev.retainerd.runtime.daemon;

import com.google.protobuf.ByteString;
import dev.retainerd.eventlog.proto.NetworkAttachment;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.network.Attachment;
import dev.retainerd.runtime.network.Bandwidth;
import dev.retainerd.runtime.network.NetworkStatus;
import dev.retainerd.runtime.network.PodNetworkRequest;
import dev.retainerd.runtime.network.PodNetworks;
import dev.retainerd.runtime.sandbox.PodNetwork;
import dev.retainerd.wire.cri.v1.DNSConfig;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Pods' networks by CNI. */
record CniPods(PodNetworks networks) implements PodNetwork {

  @Override
  public List<NetworkAttachment> attach(SandboxRecord sandbox, PodSandboxConfig config) {
    return networks.attach(request(sandbox, config)).stream()
        .map(
            a ->
                NetworkAttachment.newBuilder()
                    .setNetwork(a.network())
                    .addAllAddresses(a.addresses())
                    .setResult(ByteString.copyFrom(a.result()))
                    .setConfig(ByteString.copyFrom(a.config()))
                    .build())
        .toList();
  }

  @Override
  public void detach(
      SandboxRecord sandbox, PodSandboxConfig config, List<NetworkAttachment> attachments) {
    networks.detach(request(sandbox, config), attachments.stream().map(CniPods::given).toList());
  }

  @Override
  public Optional<String> problem(
      SandboxRecord sandbox, PodSandboxConfig config, List<NetworkAttachment> attachments) {
    try {
      networks.check(request(sandbox, config), attachments.stream().map(CniPods::given).toList());
      return Optional.empty();
    } catch (Refusal found) {
      return Optional.of(found.sentence());
    }
  }

  private static Attachment given(NetworkAttachment a) {
    return new Attachment(
        a.getNetwork(),
        a.getAddressesList(),
        a.getResult().toByteArray(),
        a.getConfig().toByteArray());
  }

  private static Optional<PodNetworkRequest.Dns> dns(DNSConfig dns) {
    return dns.equals(DNSConfig.getDefaultInstance())
        ? Optional.empty()
        : Optional.of(
            new PodNetworkRequest.Dns(
                dns.getServersList(), dns.getSearchesList(), dns.getOptionsList()));
  }

  @Override
  public List<String> keepOnly(List<String> sandboxIds) {
    return networks.collect(sandboxIds);
  }

  @Override
  public Optional<String> notReadyReason() {
    NetworkStatus status = networks.status();
    return status.ready() ? Optional.empty() : Optional.of(status.message());
  }

  /**
   * Refuses what no plugin could be told, such as a bandwidth that is none, before anything of the
   * pod is there.
   */
  static void check(PodSandboxConfig config) {
    request(SandboxRecord.getDefaultInstance(), config);
  }

  private static PodNetworkRequest request(SandboxRecord sandbox, PodSandboxConfig config) {
    return PodNetworkRequest.of(
            sandbox.getId(),
            Path.of(sandbox.getNetnsPath()),
            sandbox.getPodNamespace(),
            sandbox.getName(),
            sandbox.getUid())
        .withPortMappings(
            config.getPortMappingsList().stream()
                .filter(m -> m.getHostPort() > 0)
                .map(
                    m ->
                        new dev.retainerd.runtime.network.PodNetworkRequest.PortMapping(
                            m.getHostPort(),
                            m.getContainerPort(),
                            m.getProtocol().name().toLowerCase(Locale.ROOT),
                            m.getHostIp()))
                .toList())
        .withDns(dns(config.getDnsConfig()))
        .withBandwidth(Bandwidth.fromAnnotations(config.getAnnotationsMap()))
        .withPod(sandbox.getCgroupParent(), config.getAnnotationsMap());
  }
}

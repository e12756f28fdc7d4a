package dev.retainerd.runtime.registry;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One server to ask for a registry's images: the registry itself, or a mirror. Immutable.
 *
 * @param root where the protocol's paths begin, such as {@code https://registry:5000/v2}
 * @param capabilities what it may be asked for
 * @param cas files with certificates to trust beside the system's
 * @param clientCertificates files with a certificate and its key; the same file twice where it
 *     holds both
 * @param skipVerify whether any certificate will do; empty: only where the host is this machine
 * @param headers sent with every request
 */
record RegistryHost(
    URI root,
    Set<Capability> capabilities,
    List<Path> cas,
    List<ClientCertificate> clientCertificates,
    Optional<Boolean> skipVerify,
    Map<String, List<String>> headers) {

  enum Capability {
    /** Fetch by digest. */
    PULL,
    /** Turn a tag into a digest. */
    RESOLVE,
    /** Take images. */
    PUSH
  }

  record ClientCertificate(Path certificate, Path key) {}

  static final Set<Capability> ALL = Set.of(Capability.values());

  RegistryHost {
    capabilities = Set.copyOf(capabilities);
    cas = List.copyOf(cas);
    clientCertificates = List.copyOf(clientCertificates);
    headers = Map.copyOf(headers);
  }

  boolean hasTlsSettings() {
    return !cas.isEmpty() || !clientCertificates.isEmpty() || skipVerify.isPresent();
  }

  boolean isPlain() {
    return root.getScheme().equals("http");
  }

  RegistryHost over(String scheme) {
    URI changed = URI.create(scheme + root.toString().substring(root.getScheme().length()));
    return new RegistryHost(changed, capabilities, cas, clientCertificates, skipVerify, headers);
  }

  /** Host and port, for messages. */
  String authority() {
    return root.getAuthority();
  }
}

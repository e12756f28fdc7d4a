package dev.retainerd.runtime.namespaces;

import java.util.Map;
import java.util.Set;

/**
 * The namespaces that one pod asks for.
 *
 * @param id the sandbox id; it becomes a file name
 * @param kinds those of its own; the others are shared with the node
 * @param hostname set in the UTS namespace if that is among the kinds; empty keeps the node's
 * @param sysctls names with dots or slashes, as sysctl(8) has them; only those that belong to one
 *     of the kinds are allowed, because any other would change the node
 * @param ids who is who in the user namespace, if that is among the kinds
 */
public record NamespaceRequest(
    String id,
    Set<NamespaceKind> kinds,
    String hostname,
    Map<String, String> sysctls,
    IdMappings ids) {
  /** Without a user namespace. */
  public NamespaceRequest(
      String id, Set<NamespaceKind> kinds, String hostname, Map<String, String> sysctls) {
    this(id, kinds, hostname, sysctls, IdMappings.NONE);
  }

  public NamespaceRequest {
    kinds = Set.copyOf(kinds);
    sysctls = Map.copyOf(sysctls);
  }
}

/**
 * Owns the talk with registries: references, hosts.toml, authentication, manifests and blobs over
 * the OCI distribution protocol.
 *
 * <p>It must not know where blobs are kept or what images are made of: it hands out bytes, and
 * digests as text.
 *
 * <p>Read {@link dev.retainerd.runtime.registry.Repository} first.
 */
package dev.retainerd.runtime.registry;

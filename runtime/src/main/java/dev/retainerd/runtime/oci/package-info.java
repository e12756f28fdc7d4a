/**
 * Owns the OCI runtime spec: what a CRI request, an image's defaults and the node's abilities mean
 * as the config.json that an OCI runtime is started with, and which requests are refused before
 * anything is made.
 *
 * <p>It must not start, mount or change anything but the host folders that a bind mount asks for,
 * and it knows neither the daemon's config nor its state: both come in as plain values.
 *
 * <p>Read {@link dev.retainerd.runtime.oci.SpecBuilder} first: one line for each part of the spec,
 * and each part is a class of its own.
 */
package dev.retainerd.runtime.oci;

/**
 * Owns what the daemon is told: it reads containerd's config.toml (versions 1 to 3, with drop-ins)
 * and our {@code [retain]} table into one immutable {@link
 * dev.retainerd.runtime.config.DaemonConfig} that knows where each value came from.
 *
 * <p>It must not touch what the settings are about: it makes no folder, opens no socket, asks no
 * kernel.
 *
 * <p>Read the table of keys first, {@code keys.txt} beside the classes: it is the specification,
 * the code only walks it; then {@link dev.retainerd.runtime.config.ConfigReader}.
 */
package dev.retainerd.runtime.config;

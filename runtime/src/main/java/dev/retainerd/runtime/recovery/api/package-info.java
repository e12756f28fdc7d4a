/**
 * Owns the gRPC adapter of the examination of the node. Must not look at the node itself. Read
 * {@link dev.retainerd.runtime.recovery.api.DoctorApi} first.
 */
package dev.retainerd.runtime.recovery.api;

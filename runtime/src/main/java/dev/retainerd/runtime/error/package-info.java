/**
 * Owns the one way in which the daemon says no: a {@link dev.retainerd.runtime.error.Refusal} with
 * a code and one sentence for the caller.
 *
 * <p>It must not know of gRPC, the journal or any effect: every layer throws it, one adapter maps
 * it.
 *
 * <p>Read {@link dev.retainerd.runtime.error.Refusal} first; it is the only file.
 */
package dev.retainerd.runtime.error;

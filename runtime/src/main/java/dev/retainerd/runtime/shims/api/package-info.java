/**
 * Owns the operator's view of shims on the wire: {@code dev.retainerd.shims.v1}.
 *
 * <p>Must not decide anything; it asks {@link dev.retainerd.runtime.shims.Shims}. Read {@link
 * dev.retainerd.runtime.shims.api.ShimsApi} first.
 */
package dev.retainerd.runtime.shims.api;

/**
 * Owns the shims: which run, which pod lives in which, how they are called, and what happens when
 * one dies.
 *
 * <p>Must not know what a task's phases mean; it carries calls and records. Read {@link
 * dev.retainerd.runtime.shims.Shims} first, then {@link dev.retainerd.runtime.shims.ShimCalls}.
 */
package dev.retainerd.runtime.shims;

/**
 * Owns the rules of docs/architecture.md as tests: who may know whom, and how a source file looks.
 * It must not know how any part works. Read {@link dev.retainerd.runtime.layering.LayeringTest}
 * first.
 */
package dev.retainerd.runtime.layering;

/**
 * Owns the namespaces of pods, which are pinned by bind mounts below the state folder and need no
 * process to live, and the small files and the shared memory that go with them.
 *
 * <p>It must not know of CNI, of the journal or of the CRI: it takes plain arguments, and each
 * effect is idempotent and has an undo.
 *
 * <p>Read {@link dev.retainerd.runtime.namespaces.NamespacePins} first.
 */
package dev.retainerd.runtime.namespaces;

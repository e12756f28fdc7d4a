/**
 * Owns the second place of the checkpoints where that is reached by HTTP: whoever runs it can say
 * later what this node's history was.
 *
 * <p>Must not do anything unless such a place is configured, nor hold up the log: it follows the
 * file of checkpoints at its own pace. Read {@link dev.retainerd.runtime.witness.CheckpointSender}.
 */
package dev.retainerd.runtime.witness;

/** Tests of checkpoints. Read {@link dev.retainerd.runtime.checkpoint.SavedFolderTest} first. */
package dev.retainerd.runtime.checkpoint;

/**
 * Second mounts of files whose owners show as a user namespace maps them, for containers in one. It
 * owns what is mounted below its folder, each for the moment in which a container is made; it knows
 * nothing of pods. Read {@link dev.retainerd.runtime.idmap.MappedTrees} first.
 */
package dev.retainerd.runtime.idmap;

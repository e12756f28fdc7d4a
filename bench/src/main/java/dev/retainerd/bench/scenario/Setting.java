package dev.retainerd.bench.scenario;

import dev.retainerd.bench.node.Target;
import java.nio.file.Path;
import java.util.List;

/**
 * Where a stage runs.
 *
 * @param targets the runtimes, in the order of their turns; at least one
 * @param folder for what belongs to no target; removed after the run
 * @param rootfs an unpacked busybox, for containers that are given a folder
 * @param busybox what images are made from
 * @param sizes how much of everything
 */
public record Setting(List<Target> targets, Path folder, Path rootfs, Path busybox, Sizes sizes) {}

/**
 * Owns containers as CRI knows them: record, root file system, spec and log, and their task's life
 * with them.
 *
 * <p>Must not answer gRPC, nor know how images are fetched or specs are written: it is given {@link
 * dev.retainerd.runtime.container.ContainerImages}, {@link
 * dev.retainerd.runtime.container.RootFilesystems} and {@link
 * dev.retainerd.runtime.container.ContainerSpecs}. Read {@link
 * dev.retainerd.runtime.container.ContainerService} first.
 */
package dev.retainerd.runtime.container;

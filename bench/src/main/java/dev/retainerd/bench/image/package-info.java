/**
 * Owns the one image that benchmarks and the quickstart use, made from the host's busybox as an OCI
 * archive. It must not talk to a runtime. Read {@link dev.retainerd.bench.image.OciArchive} first.
 */
package dev.retainerd.bench.image;

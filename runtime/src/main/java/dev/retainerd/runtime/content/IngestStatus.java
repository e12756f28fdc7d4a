package dev.retainerd.runtime.content;

import java.time.Instant;
import java.util.Optional;

/**
 * How far an ingest is. Immutable.
 *
 * @param ref the name its writer gave it
 * @param offset bytes written so far
 * @param total bytes it will have, 0 where unknown
 * @param expected what its digest must be, where known
 */
public record IngestStatus(
    String ref,
    long offset,
    long total,
    Optional<Digest> expected,
    Instant startedAt,
    Instant updatedAt) {}

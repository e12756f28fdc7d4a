/**
 * Owns rounds, samples and their statistics: which target's turn it is, and what the numbers say.
 * It must not know what a round does or how a result is shown. Read {@link
 * dev.retainerd.bench.measure.Interleaving} first.
 */
package dev.retainerd.bench.measure;

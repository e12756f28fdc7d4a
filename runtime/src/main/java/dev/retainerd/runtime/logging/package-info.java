/**
 * What the programs say on stderr while they run. Owns the format and the levels of that log; must
 * not know what is logged, nor any other package. Begin with {@link
 * dev.retainerd.runtime.logging.StderrLog}.
 */
package dev.retainerd.runtime.logging;

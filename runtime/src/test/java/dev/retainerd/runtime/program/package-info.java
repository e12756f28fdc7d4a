/**
 * Owns how a test runs a program of the host, or a main class of its own class path in a JVM beside
 * it, to its end. It must not know which programs those are. Read {@link
 * dev.retainerd.runtime.program.Program} first.
 */
package dev.retainerd.runtime.program;

/**
 * Owns the tests of retain-bench that need no runtime. It must not start one. Read {@link
 * dev.retainerd.bench.LayeringTest} first.
 */
package dev.retainerd.bench;

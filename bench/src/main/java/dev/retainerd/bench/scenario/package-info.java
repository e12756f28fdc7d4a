/**
 * Owns what is measured: one class for each scenario, which says what one round does and how it is
 * cleaned up. It must not decide how often or in which order rounds run. Read {@link
 * dev.retainerd.bench.scenario.Scenario} first.
 */
package dev.retainerd.bench.scenario;

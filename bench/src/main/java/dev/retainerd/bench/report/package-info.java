/**
 * Owns how results are shown: the table on the terminal and the JSON. It must not compute what the
 * measure package has not computed. Read {@link dev.retainerd.bench.report.TableReport} first.
 */
package dev.retainerd.bench.report;

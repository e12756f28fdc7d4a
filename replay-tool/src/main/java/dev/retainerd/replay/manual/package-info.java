/**
 * Owns what a shell and man(1) want to know of the commands: made from the same declarations as
 * --help, when dist/ is built.
 *
 * <p>Must not know what a verb does. Read {@link dev.retainerd.replay.manual.ManPage} first.
 */
package dev.retainerd.replay.manual;

/**
 * Owns how the history is told to people: a sentence for each event, what it opens or closes, names
 * of signals, durations, payloads as JSON with secrets masked.
 *
 * <p>Must not read logs nor decide state, and prints nothing itself. Read {@link
 * dev.retainerd.store.words.EventWords} first.
 */
package dev.retainerd.store.words;

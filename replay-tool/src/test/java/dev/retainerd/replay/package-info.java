/** Holds the tests of rewind's verbs on made-up nodes; read RewindTest first. */
package dev.retainerd.replay;

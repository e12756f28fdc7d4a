package dev.retainerd.runtime.stream;

/** Columns and rows of a client's terminal. */
public record TerminalSize(int width, int height) {}

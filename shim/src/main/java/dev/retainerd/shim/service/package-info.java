/**
 * Owns the calls of a shim: which method does what with which message, on which thread, and the
 * events for a stock containerd. It must hold no state of containers. Read {@link
 * dev.retainerd.shim.service.ShimService} first.
 */
package dev.retainerd.shim.service;

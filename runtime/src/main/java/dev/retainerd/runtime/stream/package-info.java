/**
 * Owns the server of exec, attach and port-forward: one-time addresses handed out over CRI, and the
 * streams behind them over SPDY/3.1 and WebSocket, as kubelet's clients speak them.
 *
 * <p>It must not know of containers, shims or the CRI messages: what runs behind a stream is a
 * {@link dev.retainerd.runtime.stream.StreamTargets}, and framing is netty's.
 *
 * <p>Read {@link dev.retainerd.runtime.stream.StreamServer} first. Source of the semantics: the
 * Kubernetes remote command and port-forward protocols (v1 to v5.channel.k8s.io,
 * portforward.k8s.io).
 */
package dev.retainerd.runtime.stream;

/**
 * Owns the daemon's gRPC server on its unix socket: who calls, in which namespace, under which
 * request id, and how a {@link dev.retainerd.runtime.error.Refusal} becomes a gRPC status.
 *
 * <p>It must not know of any single service: services are handed in, and read what they need from
 * {@link dev.retainerd.runtime.grpc.CallContext}.
 *
 * <p>Read {@link dev.retainerd.runtime.grpc.GrpcServer} first; the two interceptors say what
 * happens to each call.
 */
package dev.retainerd.runtime.grpc;

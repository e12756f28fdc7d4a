package dev.retainerd.shim.protocol;

/** The names of services and metadata keys as they stand on the wire. */
public final class ServiceNames {
  /** containerd's task API as containerd 1.x asks for it. */
  public static final String TASK_V2 = "containerd.task.v2.Task";

  /** The same messages under the name that containerd 2.x asks for. */
  public static final String TASK_V3 = "containerd.task.v3.Task";

  /** Groups of containers, as containerd 2.x asks for them. */
  public static final String SANDBOX = "containerd.runtime.sandbox.v1.Sandbox";

  /** Adoption, exit records and logs: shim.proto. */
  public static final String SHIM = "dev.retainerd.shim.v1.Shim";

  /** Served by a stock containerd at TTRPC_ADDRESS. */
  public static final String EVENTS = "containerd.services.events.ttrpc.v1.Events";

  /** The metadata key under which a ttrpc call carries its containerd namespace. */
  public static final String NAMESPACE_KEY = "containerd-namespace-ttrpc";

  private ServiceNames() {}
}

package dev.retainerd.runtime.sandbox;

import dev.retainerd.eventlog.proto.NetworkAttachment;
import dev.retainerd.eventlog.proto.SandboxRecord;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import java.util.List;
import java.util.Optional;

/** Attaches pods to the node's network. Thread-safe. */
public interface PodNetwork {

  /**
   * Gives the pod its interfaces and addresses.
   *
   * @throws dev.retainerd.runtime.error.Refusal where the network is not ready or a plugin refuses;
   *     what was attached is detached again
   */
  List<NetworkAttachment> attach(SandboxRecord sandbox, PodSandboxConfig config);

  /**
   * Takes them away; harmless where nothing is attached.
   *
   * @param attachments what attach gave; empty where its outcome is not known, then the present
   *     configuration is used
   */
  void detach(SandboxRecord sandbox, PodSandboxConfig config, List<NetworkAttachment> attachments);

  /**
   * Asks the plugins whether the pod's interfaces and addresses are as they were given.
   *
   * @return what a plugin found wrong; empty also for networks that cannot tell
   */
  Optional<String> problem(
      SandboxRecord sandbox, PodSandboxConfig config, List<NetworkAttachment> attachments);

  /**
   * Tells the plugins which pods there are, so that they free what belongs to none.
   *
   * @return a sentence for each plugin that failed
   */
  List<String> keepOnly(List<String> sandboxIds);

  /** Why no pod can be attached now; empty: it can. */
  Optional<String> notReadyReason();
}

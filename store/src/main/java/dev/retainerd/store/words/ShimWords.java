package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.ShimAdoptingPayload;
import dev.retainerd.eventlog.proto.ShimAssignedPayload;
import dev.retainerd.eventlog.proto.ShimLostPayload;
import dev.retainerd.eventlog.proto.ShimReattachedPayload;
import dev.retainerd.eventlog.proto.ShimReplacedPayload;
import dev.retainerd.eventlog.proto.ShimRetiredPayload;
import dev.retainerd.eventlog.proto.ShimStartFailedPayload;
import dev.retainerd.eventlog.proto.ShimStartedPayload;
import dev.retainerd.eventlog.proto.ShimStartingPayload;
import dev.retainerd.eventlog.proto.ShimUnassignedPayload;
import dev.retainerd.eventlog.proto.ShimUnreachablePayload;

/** Sentences about shims. */
final class ShimWords {

  private ShimWords() {}

  static String starting(ShimStartingPayload p) {
    return shim(p.getId())
        + " is being started"
        + (p.getSpare() ? " as a spare" : "")
        + (p.getAdopts().isEmpty() ? "" : " to adopt the containers of shim " + p.getAdopts());
  }

  static String started(ShimStartedPayload p) {
    return shim(p.getId()) + " runs" + Phrases.process(p.getProcess());
  }

  static String startFailed(ShimStartFailedPayload p) {
    return shim(p.getId()) + " could not be started" + Phrases.because(p.getReason());
  }

  static String assigned(ShimAssignedPayload p) {
    return shim(p.getId()) + " hosts " + Phrases.shortId(p.getOwner());
  }

  static String unassigned(ShimUnassignedPayload p) {
    return shim(p.getId()) + " no longer hosts " + Phrases.shortId(p.getOwner());
  }

  static String lost(ShimLostPayload p) {
    return shim(p.getId()) + " was found dead" + Phrases.because(p.getReason());
  }

  static String replaced(ShimReplacedPayload p) {
    return shim(p.getId()) + " was replaced by shim " + p.getSuccessor();
  }

  static String unreachable(ShimUnreachablePayload p) {
    return shim(p.getId()) + " does not answer" + Phrases.because(p.getReason());
  }

  static String reattached(ShimReattachedPayload p) {
    return shim(p.getId()) + " answers again, with " + p.getContainers() + " containers";
  }

  static String adopting(ShimAdoptingPayload p) {
    return shim(p.getId()) + " takes over the containers of shim " + p.getGone();
  }

  static String retired(ShimRetiredPayload p) {
    return shim(p.getId()) + " is ended and its containers run on" + Phrases.because(p.getReason());
  }

  private static String shim(String id) {
    return "shim " + id;
  }
}

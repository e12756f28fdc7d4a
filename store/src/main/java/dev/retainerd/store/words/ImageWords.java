package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.ContentCommittedPayload;
import dev.retainerd.eventlog.proto.GarbageCollectedPayload;
import dev.retainerd.eventlog.proto.ImagePullFailedPayload;
import dev.retainerd.eventlog.proto.ImagePulledPayload;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.eventlog.proto.LeaseResourceAddedPayload;
import dev.retainerd.eventlog.proto.LeaseResourceRemovedPayload;

/** Sentences about images, blobs and leases. */
final class ImageWords {

  private ImageWords() {}

  static String pulled(ImagePulledPayload p) {
    return "image "
        + p.getReference()
        + " was pulled in "
        + Phrases.duration(p.getMillis() * 1_000_000)
        + ", "
        + Phrases.bytes(p.getBytesFetched())
        + " fetched";
  }

  static String pullFailed(ImagePullFailedPayload p) {
    return "pull of image " + p.getReference() + " failed" + Phrases.because(p.getReason());
  }

  static String stated(ImageRecord image, String what) {
    return "image "
        + image.getName()
        + " "
        + what
        + " with target "
        + image.getTarget().getDigest();
  }

  static String collected(GarbageCollectedPayload p) {
    String failed =
        p.getFailuresCount() == 0
            ? ""
            : "; " + p.getFailuresCount() + " removals failed: " + p.getFailures(0);
    return "garbage was collected ("
        + p.getCause()
        + "): "
        + p.getBlobs()
        + " blobs, "
        + p.getSnapshots()
        + " snapshots, "
        + p.getLeases()
        + " leases, "
        + p.getIngests()
        + " ingests, "
        + Phrases.bytes(p.getBytesFreed())
        + " freed in "
        + Phrases.duration(p.getMillis() * 1_000_000)
        + failed;
  }

  static String committed(ContentCommittedPayload p) {
    return "blob " + p.getDigest() + " was stored, " + Phrases.bytes(p.getSize());
  }

  static String leased(LeaseResourceAddedPayload p) {
    return "lease " + p.getId() + " holds " + p.getResourceType() + " " + p.getResourceId();
  }

  static String released(LeaseResourceRemovedPayload p) {
    return "lease "
        + p.getId()
        + " no longer holds "
        + p.getResourceType()
        + " "
        + p.getResourceId();
  }
}

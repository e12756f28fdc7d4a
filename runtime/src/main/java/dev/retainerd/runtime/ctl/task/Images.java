package dev.retainerd.runtime.ctl.task;

import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.image.Blobs;
import dev.retainerd.runtime.ctl.image.ImageVerbs;
import dev.retainerd.runtime.ctl.image.Manifests;
import dev.retainerd.runtime.ctl.image.Unpacker;
import dev.retainerd.wire.containerd.services.images.v1.Image;

/**
 * The image a container is made of.
 *
 * @param chainId the snapshot to stand on
 */
record Images(String name, Manifests.Manifest manifest, String chainId) {
  /** Where containerd's clients write down the image's stop signal. */
  static final String STOP_SIGNAL_LABEL = "io.containerd.image.config.stop-signal";

  /** The image of that name, unpacked if it was not. */
  static Images unpacked(Session session, String name, String snapshotter) {
    Image image = ImageVerbs.get(session, name);
    Manifests.Manifest manifest =
        new Manifests(new Blobs(session)).forThisNode(name, image.getTarget());
    String chain = manifest.chainId();
    Unpacker unpacker = new Unpacker(session, snapshotter);
    if (!chain.isEmpty() && !unpacker.exists(chain)) {
      unpacker.unpack(manifest);
    }
    return new Images(name, manifest, chain);
  }
}

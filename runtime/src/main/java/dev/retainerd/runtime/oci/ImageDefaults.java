package dev.retainerd.runtime.oci;

import java.util.List;

/**
 * What an image's config says about running it.
 *
 * @param env NAME=value each
 * @param user as in a Dockerfile's USER; "" for none
 * @param workingDir "" for none
 */
public record ImageDefaults(
    List<String> entrypoint, List<String> cmd, List<String> env, String user, String workingDir) {

  public ImageDefaults {
    entrypoint = List.copyOf(entrypoint);
    cmd = List.copyOf(cmd);
    env = List.copyOf(env);
  }

  /** An image that says nothing. */
  public static ImageDefaults none() {
    return new ImageDefaults(List.of(), List.of(), List.of(), "", "");
  }
}

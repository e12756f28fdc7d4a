package dev.retainerd.runtime.image;

import dev.retainerd.runtime.content.Digest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Names of stacks of layers: a layer's chain id depends on it and on all below, so that equal
 * stacks are one snapshot. Source: the OCI image specification, "Layer ChainID".
 */
final class ChainIds {

  private ChainIds() {}

  /** One chain id for each diff id, lowest first. */
  static List<String> of(List<String> diffIds) {
    List<String> chain = new ArrayList<>();
    for (String diffId : diffIds) {
      Digest.parse(diffId);
      String below = chain.isEmpty() ? "" : chain.getLast();
      chain.add(
          below.isEmpty()
              ? diffId
              : Digest.of((below + " " + diffId).getBytes(StandardCharsets.UTF_8)).toString());
    }
    return chain;
  }
}

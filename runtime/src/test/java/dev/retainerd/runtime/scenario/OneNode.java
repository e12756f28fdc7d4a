package dev.retainerd.runtime.scenario;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/**
 * Scenarios of a class that share a node, since its daemon's start would take longer than most of
 * them: it has {@link Node#IMAGE}, and a pod called p runs.
 */
@Tag("real")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class OneNode {
  Node node;
  Pods pods;
  String pod;

  @BeforeAll
  void startNode() throws IOException {
    node = Node.prepared();
    configure();
    node.start();
    pods = new Pods(node);
    node.importImage("k8s.io");
    pod = pods.run("p");
  }

  /** What a class wants its node to be told before the daemon starts. */
  void configure() throws IOException {}

  @AfterAll
  void closeNode() {
    node.close();
  }
}

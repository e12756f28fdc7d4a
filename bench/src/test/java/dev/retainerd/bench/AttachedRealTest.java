package dev.retainerd.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.bench.node.Attached;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.node.NodeProgram;
import dev.retainerd.bench.scenario.Pods;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A runtime that ran before is weighed whole: its daemon, and its shims. */
@Tag("real")
class AttachedRealTest {
  private static void weighed(NodeProgram program, int number) throws Exception {
    try (Node node = Node.start(program, number, Path.of("/tmp"));
        Attached attached = Attached.to("attached", node.socket());
        Pods pods = new Pods(attached, "weighed")) {
      attached.provideImage(Path.of("/bin/busybox"), "k8s.io");
      String pod = pods.sleeping(0);
      assertEquals(node.daemon(), attached.daemon());
      List<Long> shims = attached.shims();
      assertFalse(shims.isEmpty());
      assertTrue(node.shims().containsAll(shims), shims + " of " + node.shims());
      assertFalse(shims.contains(attached.daemon().orElseThrow()));
      pods.endQuietly(List.of(pod));
    }
  }

  @Test
  void ours() throws Exception {
    weighed(new NodeProgram("ours", BenchProcess.DIST.resolve("bin/retainerd")), 8);
  }

  @Test
  void containerds() throws Exception {
    weighed(NodeProgram.containerd(), 9);
  }
}

package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.archive.TarBuilder;
import dev.retainerd.runtime.registry.Credentials;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pull and unpack beside what skopeo takes to copy the same image without unpacking it. */
@Tag("real")
@Tag("timed")
@Tag("soak")
class PullSpeedTest {
  private static final int ROUNDS = 5;

  @TempDir Path temp;

  @Test
  void aboutOneHundredMegabytesInFourLayersTakeNoMoreThanTwiceSkopeosCopy() throws Exception {
    measure(4, 46 << 20, 2.0);
  }

  @Test
  void sixtyFourSmallLayersTakeNoMoreThanThriceSkopeosCopy() throws Exception {
    measure(64, 1 << 20, 3.0);
  }

  /** Half random, half text, as programs are: it compresses to about 60 %. */
  private static byte[] content(Random random, int bytes) {
    byte[] content = new byte[bytes];
    random.nextBytes(content);
    for (int i = 0; i < bytes; i += 64) {
      content[i] = 'x';
      for (int j = i; j < Math.min(bytes, i + 28); j++) {
        content[j] = (byte) ('a' + j % 7);
      }
    }
    return content;
  }

  private void measure(int layers, int layerBytes, double bound) throws Exception {
    Random random = new Random(layers);
    TestImage image = new TestImage();
    for (int i = 0; i < layers; i++) {
      TarBuilder tar = new TarBuilder().folder("d" + i, 0755);
      for (int part = 0; part < 16; part++) {
        byte[] content = content(random, layerBytes / 16);
        tar.file("d" + i + "/f" + part, content, 0644, 0, Map.of());
      }
      image.layer(tar.build());
    }
    long compressed = image.layers.stream().mapToLong(layer -> layer.length).sum();
    try (DockerRegistry registry = new DockerRegistry(temp)) {
      registry.push("big", "latest", image);
      String name = registry.host + "/big:latest";
      List<Long> ours = new ArrayList<>();
      List<Long> skopeos = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        Path root = Files.createDirectories(temp.resolve("root" + round));
        try (NodeFixture node = new NodeFixture(root)) {
          long began = System.nanoTime();
          node.images.pull(NodeFixture.ORIGIN, name, Credentials.ANONYMOUS, "");
          ours.add((System.nanoTime() - began) / 1_000_000);
        }
        skopeos.add(skopeo(name, temp.resolve("skopeo" + round)));
      }
      Collections.sort(ours);
      Collections.sort(skopeos);
      System.out.println(
          layers
              + " layers, "
              + (compressed >> 20)
              + " MiB compressed: pull and unpack "
              + ours
              + " ms, skopeo copy "
              + skopeos
              + " ms");
      long median = ours.get(ROUNDS / 2);
      long other = skopeos.get(ROUNDS / 2);
      assertTrue(median <= other * bound, median + " ms against " + other + " ms");
    }
  }

  private static long skopeo(String name, Path to) throws Exception {
    long began = System.nanoTime();
    Process process =
        new ProcessBuilder(
                "skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + name, "oci:" + to)
            .inheritIO()
            .start();
    assertEquals(0, process.waitFor());
    return (System.nanoTime() - began) / 1_000_000;
  }
}

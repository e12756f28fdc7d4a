package dev.retainerd.runtime.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
  private static final String DIGEST = "sha256:" + "0123456789abcdef".repeat(4);

  @ParameterizedTest
  @CsvSource({
    "busybox, docker.io/library/busybox:latest",
    "busybox:1.36, docker.io/library/busybox:1.36",
    "team/app, docker.io/team/app:latest",
    "index.docker.io/team/app, docker.io/team/app:latest",
    "localhost/app, localhost/app:latest",
    "localhost:5000/a/b/c:v1, localhost:5000/a/b/c:v1",
    "registry.k8s.io/pause:3.10, registry.k8s.io/pause:3.10",
    "[::1]:5000/app:x, [::1]:5000/app:x",
    "Upper/app, Upper/app:latest"
  })
  void namesAreCompletedAsDockerDoes(String written, String meant) {
    assertEquals(meant, Reference.normalized(written).toString());
  }

  @Test
  void aDigestCountsBeforeATag() {
    assertEquals(
        "docker.io/library/busybox@" + DIGEST,
        Reference.normalized("busybox:1.36@" + DIGEST).toString());
    assertEquals(DIGEST, Reference.normalized("busybox@" + DIGEST).wanted());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "@",
        "UPPER",
        "a b",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a@sha256:12",
        "host:port/x",
        "../x",
        "a:b:c",
        "-a",
        "a/.b",
        "a_.b",
        "registry.io/",
        "a@md5:" + "x",
        "é"
      })
  void whatIsNoneIsRefused(String text) {
    Refusal refusal = assertThrows(Refusal.class, () -> Reference.normalized(text));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
  }

  @Test
  void exactNamesGetNoDefaults() {
    assertEquals(
        "docker.io/library/busybox", Reference.exact("docker.io/library/busybox").toString());
    assertThrows(Refusal.class, () -> Reference.exact("busybox"));
  }
}

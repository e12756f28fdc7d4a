package dev.retainerd.runtime.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdentifiersTest {
  @ParameterizedTest
  @ValueSource(strings = {"default", "k8s.io", "a", "0-1_2.3", "moby", "Default"})
  void namesThatAreSafeInPathsPass(String name) {
    assertEquals(name, Identifiers.check("namespace", name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "a..b", "-a", "a-", "a b", "a\n", "é"})
  void namesThatAreNotSafeInPathsAreRefused(String name) {
    var refusal = assertThrows(Refusal.class, () -> Identifiers.check("namespace", name));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
  }

  @Test
  void theBoundOnLengthIsContainerds() {
    Identifiers.check("container", "x".repeat(76));
    assertThrows(Refusal.class, () -> Identifiers.check("container", "x".repeat(77)));
  }

  @Test
  void aLabelIsBoundedTogetherWithItsKey() {
    Identifiers.checkLabels(Map.of("k", "v".repeat(4095)));
    assertThrows(Refusal.class, () -> Identifiers.checkLabels(Map.of("k", "v".repeat(4096))));
  }
}

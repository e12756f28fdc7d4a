package dev.retainerd.runtime.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MaskedMapTest {
  private static final Map<String, String> CURRENT = Map.of("a", "1", "b.c/d", "2");

  @Test
  void anEmptyMaskReplacesEverything() {
    assertEquals(
        Map.of("x", "9"), MaskedMap.labels(CURRENT, Map.of("x", "9"), "labels", List.of()));
  }

  @Test
  void aMaskOfOneKeyChangesThatKeyOnly() {
    assertEquals(
        Map.of("a", "1", "b.c/d", "9"),
        MaskedMap.labels(
            CURRENT, Map.of("b.c/d", "9", "a", "8"), "labels", List.of("labels.b.c/d")));
  }

  @Test
  void anEmptyValueRemovesTheKey() {
    assertEquals(
        Map.of("b.c/d", "2"),
        MaskedMap.labels(CURRENT, Map.of("a", ""), "labels", List.of("labels.a")));
    assertEquals(
        Map.of("b.c/d", "2"), MaskedMap.labels(CURRENT, Map.of(), "labels", List.of("labels.a")));
  }

  @Test
  void aMaskOfOtherFieldsLeavesTheLabelsAlone() {
    assertEquals(CURRENT, MaskedMap.labels(CURRENT, Map.of(), "labels", List.of("target")));
  }
}

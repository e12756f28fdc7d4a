package dev.retainerd.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.proto.Descriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Which manifest of an index a node takes. */
class PlatformTest {
  private static final Platform ARM = new Platform("linux", "arm64", "v8");
  private static final Platform AMD = new Platform("linux", "amd64", "");

  /** An index of these platforms, {@code OS/ARCHITECTURE[/VARIANT]}, or "" for one without. */
  private static ImageIndex index(String... platforms) {
    List<ImageIndex.Entry> entries = new ArrayList<>();
    for (String text : platforms) {
      String[] parts = text.split("/");
      entries.add(
          new ImageIndex.Entry(
              Descriptor.newBuilder().setDigest(text).build(),
              text.isEmpty()
                  ? Optional.empty()
                  : Optional.of(
                      new Platform(parts[0], parts[1], parts.length > 2 ? parts[2] : ""))));
    }
    return new ImageIndex(entries);
  }

  private static String best(Platform node, String... platforms) {
    return index(platforms).best(node).map(e -> e.descriptor().getDigest()).orElse("none");
  }

  @Test
  void theBestOfSeveralVariantsIsTaken() {
    Platform old = new Platform("linux", "arm", "v7");
    assertEquals("linux/arm/v7", best(old, "linux/arm/v5", "linux/arm/v7", "linux/arm/v6"));
    assertEquals(
        "linux/arm/v6", best(new Platform("linux", "arm", "v6"), "linux/arm/v7", "linux/arm/v6"));
    assertEquals("none", best(new Platform("linux", "arm", "v6"), "linux/arm/v7"));
    assertEquals("linux/arm64/v8", best(ARM, "linux/arm64", "linux/arm64/v8"));
    assertEquals("linux/arm64", best(ARM, "linux/amd64", "linux/arm64"));
    assertEquals("none", best(ARM, "linux/arm64/v9"));
  }

  @Test
  void anEntryWithoutAPlatformIsBetterThanNone() {
    assertEquals("", best(AMD, "windows/amd64", "", "linux/arm64"));
    assertEquals("linux/amd64", best(AMD, "", "linux/amd64"));
    assertEquals("none", best(AMD, "unknown/unknown", "windows/amd64"));
  }

  @Test
  void theSamePlatformIsWrittenInSeveralWays() {
    assertTrue(new Platform("linux", "aarch64", "").runsOn(ARM));
    assertTrue(new Platform("linux", "arm64", "").runsOn(ARM));
    assertTrue(new Platform("linux", "amd64", "v1").runsOn(AMD));
    assertFalse(new Platform("linux", "amd64", "v3").runsOn(AMD));
    assertFalse(new Platform("windows", "amd64", "").runsOn(AMD));
  }

  private static List<String> chosen(PlatformChoice choice, String... platforms) {
    return choice.of(index(platforms)).stream()
        .map(taken -> taken.entry().descriptor().getDigest() + (taken.whole() ? "" : " (papers)"))
        .toList();
  }

  @Test
  void aChoiceTakesWhatIsWantedInTheOrderOfTheIndex() {
    PlatformChoice both = PlatformChoice.of(List.of(AMD, ARM), 0, false);
    String[] all = {"windows/amd64", "linux/arm64", "linux/amd64"};
    assertEquals(List.of("linux/arm64", "linux/amd64"), chosen(both, all));
    assertEquals(
        List.of("linux/amd64"), chosen(PlatformChoice.of(List.of(AMD, ARM), 1, false), all));
    assertEquals(
        List.of("windows/amd64 (papers)", "linux/arm64 (papers)", "linux/amd64"),
        chosen(PlatformChoice.of(List.of(AMD), 0, true), all));
    assertEquals(List.of(all), chosen(PlatformChoice.of(List.of(), 0, false), all));
    assertEquals(List.of(), chosen(PlatformChoice.of(List.of(AMD), 0, true), "linux/s390x"));
  }
}

package dev.retainerd.runtime.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FilterTest {
  private static final Map<String, String> LABELS =
      Map.of(
          "io.cri-containerd.kind", "container",
          "a/b", "x,y",
          "very complex", "tab\there",
          "plain", "v1");

  /** A container as the containers service shows one. */
  private static final Fields CONTAINER =
      path ->
          switch (path.getFirst()) {
            case "id" -> Optional.of("web-1");
            case "image" -> Optional.of("docker.io/library/busybox:latest");
            case "labels" -> Fields.entry(LABELS, path);
            default -> Optional.empty();
          };

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '\0',
      value = {
        "id==web-1; true",
        "id==web-2; false",
        "id!=web-2; true",
        "id; true",
        "nothing; false",
        "nothing!=x; true",
        "nothing==x; false",
        "nothing~=^$; true",
        "labels.plain==v1; true",
        "labels.\"io.cri-containerd.kind\"==container; true",
        "labels.\"a/b\"==\"x,y\"; true",
        "labels.\"a/b\"; true",
        "labels.\"a/c\"; false",
        "labels.\"very complex\"==\"tab\\there\"; true",
        "labels.plain==v1,id==web-1; true",
        "labels.plain==v1,id==web-2; false",
        " labels . plain == v1 , id == web-1 ; true",
        "id~=^web; true",
        "id~=^eb; false",
        "id~=eb; true",
        "id~=/^web-[0-9]$/; true",
        "image~=|busybox:|; true",
        "image~=/docker\\\\.io\\/library/; true",
        "image==docker.io/library/busybox:latest; true",
        "id==\"\\x77\\u0065\\142-1\"; true",
      })
  void filtersSelectAsContainerdsDo(String filter, boolean selected) {
    assertEquals(selected, Filter.parse(filter.strip()).matches(CONTAINER), filter);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        ",",
        "id,",
        "id=web",
        "id===web",
        "id==",
        "id==,x",
        "\"id",
        "id==\"web",
        "labels.",
        ".x",
        "id web",
        "id~=(",
        "id==\"\\q\"",
        "id==\"\\x7\"",
        "labels./a/",
        "id==a b"
      })
  void whatIsNoFilterIsRefusedWithItsPlace(String filter) {
    var refusal = assertThrows(Refusal.class, () -> Filter.parse(filter));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.sentence().contains("not valid"), refusal.sentence());
  }

  @Test
  void severalFiltersAreAlternatives() {
    assertTrue(Filter.any(List.of("id==other", "labels.plain")).matches(CONTAINER));
    assertFalse(Filter.any(List.of("id==other", "labels.none")).matches(CONTAINER));
    assertTrue(Filter.any(List.of()).matches(CONTAINER));
    assertTrue(Filter.any(List.of("")).matches(CONTAINER));
  }

  @Test
  void anExpressionThatNeverEndsIsRefused() {
    Filter filter = Filter.parse("id~=/^(.*)(.*)(.*)(.*)(.*)x$/");
    Fields hostile = path -> Optional.of("a".repeat(60) + "!");
    var refusal = assertThrows(Refusal.class, () -> filter.matches(hostile));
    assertTrue(refusal.sentence().contains("takes too long"), refusal.sentence());
  }

  @Property
  void anyTextIsAFilterOrARefusalAndNothingElse(
      @ForAll @StringLength(max = 40) @CharRange(from = ' ', to = '~') String text) {
    try {
      Filter.parse(text).matches(CONTAINER);
    } catch (Refusal refusal) {
      assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    }
  }

  @Property
  void aQuotedValueComesBackAsItWas(@ForAll @StringLength(max = 20) String value) {
    if (value.indexOf('\0') >= 0 || value.codePoints().anyMatch(c -> c >= 0xD800 && c < 0xE000)) {
      return;
    }
    String quoted =
        "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    assertTrue(Filter.parse("x==" + quoted).matches(path -> Optional.of(value)), quoted);
  }
}

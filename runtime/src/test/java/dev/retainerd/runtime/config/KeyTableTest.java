package dev.retainerd.runtime.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.tomlj.Toml;

/** The table of keys is the specification, so it is checked as one. */
class KeyTableTest {
  private static final KeyTable TABLE = KeyTable.load();

  @Test
  void noKeyStandsTwiceForAVersion() {
    Set<String> seen = new HashSet<>();
    for (KnownKey key : TABLE.keys()) {
      for (char version : key.versions().toCharArray()) {
        assertTrue(seen.add(version + " " + key.pattern()), key::toString);
      }
    }
  }

  @Test
  void everyOlderNameLeadsToASettingOfTheSameType() {
    for (KnownKey key : TABLE.keys()) {
      if (!(key.verdict() instanceof KnownKey.Alias alias)
          || alias.setting().startsWith(SettingNames.COMPAT)) {
        continue;
      }
      List<KnownKey> targets =
          TABLE.honoured().stream().filter(other -> other.matches(alias.setting())).toList();
      assertFalse(targets.isEmpty(), () -> key.pattern() + " leads nowhere");
      ValueType type = targets.getFirst().type();
      boolean one = type == ValueType.STRINGS && key.type() == ValueType.STRING;
      assertTrue(one || type == key.type(), () -> key.pattern() + " is of another type");
    }
  }

  @Test
  void everyDefaultIsOfItsType() {
    for (KnownKey key : TABLE.honoured()) {
      SettingValues.defaultOf(key)
          .ifPresent(
              value -> {
                assertTrue(key.type().takes(value), () -> key + " has " + value);
                String toml = "v = " + ((KnownKey.Honour) key.verdict()).defaultLiteral();
                assertEquals(ValueType.plain(Toml.parse(toml).get("v")), value);
              });
    }
  }

  @Test
  void aKeyIsWrittenAsItIsRead() {
    for (String text : List.of("a", "a.b", "plugins.\"io.x.v1.cri\".y", "\"a b\".\"\".c", "*.**")) {
      assertEquals(text, Key.parse(text).toString());
    }
  }

  @Provide
  Arbitrary<KnownKey> plainKeys() {
    return Arbitraries.of(
        TABLE.keys().stream()
            .filter(key -> key.inVersion(3) && !key.pattern().last().startsWith("*"))
            .filter(key -> key.pattern().last().length() > 4)
            .toList());
  }

  @Property
  void aSlipOfOneLetterIsGuessed(
      @ForAll("plainKeys") KnownKey key, @ForAll @IntRange(max = 60) int place) {
    String name = key.pattern().last();
    int at = place % name.length();
    String slip = name.substring(0, at) + name.substring(at + 1);
    List<String> siblings = siblings(key.pattern());
    if (siblings.contains(slip)) {
      return;
    }
    String hint = NearestKey.hint(TABLE, 3, key.pattern().parent().child(slip), siblings);
    boolean exact = hint.equals("did you mean " + key.pattern() + "?");
    boolean anotherAsNear =
        siblings.stream()
            .anyMatch(other -> !other.equals(name) && NearestKey.distance(other, slip) <= 1);
    assertTrue(exact || anotherAsNear, () -> slip + " gives " + hint);
  }

  private static List<String> siblings(Key pattern) {
    List<String> names = new ArrayList<>();
    for (KnownKey key : TABLE.keys()) {
      boolean near = key.inVersion(3) && key.pattern().startsWith(pattern.parent());
      String name = near ? key.pattern().segments().get(pattern.segments().size() - 1) : "*";
      if (!name.startsWith("*")) {
        names.add(name);
      }
    }
    return names;
  }

  @Property
  void distanceIsAMetric(
      @ForAll @AlphaChars @StringLength(max = 12) String a,
      @ForAll @AlphaChars @StringLength(max = 12) String b,
      @ForAll @AlphaChars @StringLength(max = 12) String c) {
    assertEquals(a.equals(b), NearestKey.distance(a, b) == 0);
    assertEquals(NearestKey.distance(a, b), NearestKey.distance(b, a));
    assertTrue(NearestKey.distance(a, c) <= NearestKey.distance(a, b) + NearestKey.distance(b, c));
  }
}

package dev.retainerd.runtime.config;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All keys that containerd ever had and our own, read from {@code keys.txt}, as a tree per config
 * version.
 *
 * <p>Immutable once loaded; safe for any thread.
 */
final class KeyTable {
  private static final Map<String, String> SHORT =
      Map.of(
          "@cri", "plugins.\"io.containerd.grpc.v1.cri\"",
          "@runtime", "plugins.\"io.containerd.cri.v1.runtime\"",
          "@images", "plugins.\"io.containerd.cri.v1.images\"");

  private final List<KnownKey> keys;
  private final Map<Integer, Node> trees = new LinkedHashMap<>();

  /** A table that may stand in a config file, or a key with its value. */
  static final class Node {
    private final Map<String, Node> children = new LinkedHashMap<>();
    private KnownKey leaf;

    /** The key whose value stands here; none for a table. */
    Optional<KnownKey> leaf() {
      return Optional.ofNullable(leaf);
    }

    /** What {@code name} means below this table. */
    Optional<Node> child(String name) {
      Node exact = children.get(name);
      return Optional.ofNullable(exact != null ? exact : children.get("*"));
    }

    /** Set where anything may stand below: the key that covers it all. */
    Optional<KnownKey> coversAllBelow() {
      Node any = children.get("**");
      return any == null ? Optional.empty() : any.leaf();
    }

    List<String> names() {
      return children.keySet().stream().filter(name -> !name.startsWith("*")).toList();
    }
  }

  private KeyTable(List<KnownKey> keys) {
    this.keys = List.copyOf(keys);
    for (int version = 1; version <= 3; version++) {
      Node root = new Node();
      for (KnownKey key : keys) {
        if (key.inVersion(version)) {
          plant(root, key);
        }
      }
      trees.put(version, root);
    }
  }

  private static void plant(Node root, KnownKey key) {
    Node node = root;
    for (String segment : key.pattern().segments()) {
      node = node.children.computeIfAbsent(segment, _ -> new Node());
    }
    node.leaf = key;
  }

  /** The table as it is shipped. */
  static KeyTable load() {
    try (var in = KeyTable.class.getResourceAsStream("keys.txt");
        var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      List<KnownKey> keys = new ArrayList<>();
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          keys.add(parse(line));
        }
      }
      return new KeyTable(keys);
    } catch (IOException e) {
      throw new UncheckedIOException("keys.txt cannot be read from the jar", e);
    }
  }

  private static KnownKey parse(String line) {
    String[] word = line.split(" ", 5);
    KnownKey.Verdict verdict =
        switch (word[3]) {
          case "honour" -> {
            int hash = word[4].indexOf(" # ");
            yield new KnownKey.Honour(word[4].substring(0, hash), word[4].substring(hash + 3));
          }
          case "as" -> new KnownKey.Alias(Key.parse(spelledOut(word[4])));
          case "ignore" -> new KnownKey.Ignore(word[4]);
          default -> throw new IllegalStateException("keys.txt: no such verdict: " + line);
        };
    Key pattern = Key.parse(spelledOut(word[1]));
    return new KnownKey(word[0], pattern, ValueType.named(word[2]), verdict);
  }

  private static String spelledOut(String key) {
    if (!key.startsWith("@")) {
      return key;
    }
    int dot = key.indexOf('.');
    return SHORT.get(key.substring(0, dot)) + key.substring(dot);
  }

  List<KnownKey> keys() {
    return keys;
  }

  /** The keys that may stand in a file of this version: 1, 2 or 3. */
  Node tree(int version) {
    return trees.get(version);
  }

  /** The keys of {@link KnownKey.Honour}, in the order of the table. */
  List<KnownKey> honoured() {
    return keys.stream().filter(key -> key.verdict() instanceof KnownKey.Honour).toList();
  }
}

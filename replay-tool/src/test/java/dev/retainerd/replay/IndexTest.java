package dev.retainerd.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IndexTest {
  @TempDir Path folder;

  private Path log() {
    return folder.resolve("log");
  }

  private Path index() {
    return folder.resolve("index");
  }

  private Path segment() throws IOException {
    try (Stream<Path> files = Files.walk(index())) {
      return files.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
  }

  private void same(String id) {
    for (String verb : List.of("timeline", "explain")) {
      Rewind.Answer all = Rewind.run(verb, log(), id, "--no-index").expect(0);
      Rewind.Answer indexed = Rewind.run(verb, log(), id, "--index", index()).expect(0);
      assertEquals(all.text(), indexed.text(), verb + " " + id);
      assertTrue(indexed.errors().contains("found through the index"), indexed.errors());
    }
  }

  @Test
  void throughTheIndexEveryLifeIsTheSame() {
    BusyNode.write(log(), 12_000, 7, Optional.empty());
    Rewind.run("index", log(), "--index", index()).expect(0).contains("knows the events of node");
    TreeSet<String> ids = new TreeSet<>();
    for (String subject :
        Rewind.run("log", log(), "--json")
            .text()
            .lines()
            .map(line -> line.replaceAll(".*\"subject\":\"([^\"]*)\".*", "$1"))
            .toList()) {
      if (subject.startsWith("container/") || subject.startsWith("sandbox/")) {
        ids.add(subject.substring(subject.indexOf('/') + 1));
      }
    }
    assertTrue(ids.size() > 30, ids::toString);
    int step = Math.max(1, ids.size() / 12);
    int i = 0;
    for (String id : ids) {
      if (i++ % step == 0) {
        same(id);
      }
    }
    same(ids.first().substring(0, 12));
  }

  @Test
  void shimsThatDieAndDaemonsThatStartAreInItToo() {
    NodeStory.aDay(log());
    Rewind.run("index", log(), "--index", index()).expect(0);
    for (String id : List.of("web", "greedy", NodeStory.BATCH, NodeStory.POD, "shim-1")) {
      same(id);
    }
  }

  @Test
  void whatCameAfterTheIndexIsFoundAsWellAndAddedNextTime() {
    NodeStory.aDay(log());
    Rewind.run("index", log(), "--index", index()).expect(0);
    try (NodeStory more = NodeStory.goesOn(log())) {
      more.containerRuns("default", NodeStory.CTR, "late", "", "late", 99);
    }
    same("late");
    same("web");
    Rewind.run("index", log(), "--index", index()).expect(0);
    same("late");
  }

  @Test
  void aDamagedOrForeignIndexIsNotUsedAndSaidSo() throws IOException {
    NodeStory.aDay(log());
    Rewind.run("index", log(), "--index", index()).expect(0);
    String right = Rewind.run("timeline", log(), "web", "--no-index").text();
    byte[] whole = Files.readAllBytes(segment());
    for (int at = 0; at < whole.length; at += 97) {
      byte[] bytes = whole.clone();
      bytes[at] ^= 4;
      Files.write(segment(), bytes);
      Rewind.Answer answer = Rewind.run("timeline", log(), "web", "--index", index()).expect(0);
      assertEquals(right, answer.text());
      assertTrue(answer.errors().contains("the index cannot be used"), answer.errors());
    }
    Files.write(segment(), java.util.Arrays.copyOf(whole, whole.length / 2));
    assertEquals(right, Rewind.run("timeline", log(), "web", "--index", index()).text());
    Files.write(segment(), new byte[0]);
    assertEquals(right, Rewind.run("timeline", log(), "web", "--index", index()).text());
    Rewind.run("index", log(), "--index", index()).expect(0);
    same("web");
  }

  @Test
  void theLogsFolderIsNotTouched() {
    NodeStory.aDay(log());
    Map<String, String> before = Rewind.listing(log());
    Rewind.run("index", log(), "--index", index()).expect(0);
    Rewind.run("timeline", log(), "web", "--index", index()).expect(0);
    Rewind.Answer inside = Rewind.run("index", log(), "--index", folder).expect(0);
    assertFalse(inside.text().isEmpty());
    assertEquals(before, Rewind.listing(log()));
  }
}

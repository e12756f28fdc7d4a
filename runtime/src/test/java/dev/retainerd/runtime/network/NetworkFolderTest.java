package dev.retainerd.runtime.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NetworkFolderTest {
  @TempDir Path folder;

  private void write(String name, String json) throws Exception {
    Files.writeString(folder.resolve(name), json);
  }

  private static String list(String version, String name) {
    return "{\"cniVersion\":\""
        + version
        + "\",\"name\":\""
        + name
        + "\",\"plugins\":[{\"type\":\"bridge\"}]}";
  }

  private List<String> names(int most) {
    return new NetworkFolder(folder, most)
        .read().networks().stream().map(NetworkList::name).toList();
  }

  @Test
  void theFirstUsableFileInOrderOfNamesIsTheNetwork() throws Exception {
    write("30-c.conflist", list("1.0.0", "c"));
    write("10-broken.conflist", "{\"name\":");
    write("20-b.conf", "{\"cniVersion\":\"0.3.1\",\"name\":\"b\",\"type\":\"ptp\"}");
    write("00-readme.txt", "not a network");
    assertEquals(List.of("b"), names(1));
    assertEquals(List.of("b", "c"), names(0));
    NetworkFolder.Content content = new NetworkFolder(folder, 1).read();
    assertEquals(1, content.problems().size());
    assertTrue(content.problems().getFirst().contains("10-broken.conflist is not a JSON object"));
  }

  @Test
  void aSinglePluginFileBecomesAListThatCanBeReadBack() throws Exception {
    write("a.conf", "{\"cniVersion\":\"0.4.0\",\"name\":\"a\",\"type\":\"ptp\",\"mtu\":1e3}");
    NetworkList list = new NetworkFolder(folder, 1).read().networks().getFirst();
    NetworkList again = NetworkList.parseList(list.json(), "record");
    assertEquals("a", again.name());
    assertEquals(new CniVersion(0, 4, 0), again.version());
    assertTrue(new String(list.json(), StandardCharsets.UTF_8).contains("\"mtu\":1e3"));
  }

  @Test
  void aListIsKeptByteForByte() throws Exception {
    String text = list("1.0.0", "x").replace(",", " ,\n\t");
    write("x.conflist", text);
    assertArrayEquals(
        text.getBytes(StandardCharsets.UTF_8),
        new NetworkFolder(folder, 1).read().networks().getFirst().json());
  }

  @Test
  void theGreatestVersionThatBothSidesKnowIsChosen() throws Exception {
    write(
        "x.conflist",
        "{\"cniVersions\":[\"0.4.0\",\"1.1.0\",\"2.0.0\"],\"cniVersion\":\"1.0.0\",\"name\":\"x\","
            + "\"plugins\":[{\"type\":\"bridge\"}]}");
    assertEquals(
        CniVersion.V1_1_0, new NetworkFolder(folder, 1).read().networks().getFirst().version());
  }

  @Test
  void whatCannotBeUsedIsNamedWithItsFault() throws Exception {
    write("1.conflist", list("0.1.0", "x"));
    write("2.conflist", list("1.0.0", "../x"));
    write("3.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"x\",\"plugins\":[]}");
    write(
        "4.conflist",
        "{\"cniVersion\":\"1.0.0\",\"name\":\"x\",\"plugins\":[{\"type\":\"../../bin/sh\"}]}");
    write("5.conf", "[1]");
    write("6.conf", "{} {}");
    NetworkFolder.Content content = new NetworkFolder(folder, 0).read();
    assertTrue(content.networks().isEmpty());
    List<String> expected =
        List.of(
            "cniVersion \"0.1.0\"",
            "name \"../x\"",
            "no \"plugins\"",
            "type \"../../bin/sh\"",
            "not an object",
            "malformed at line 1");
    for (int i = 0; i < expected.size(); i++) {
      String problem = content.problems().get(i);
      assertTrue(problem.contains(expected.get(i)), problem);
    }
  }

  @Test
  void aFolderThatDoesNotExistIsAReasonNotAFault() {
    NetworkFolder.Content content = new NetworkFolder(folder.resolve("none"), 1).read();
    assertEquals(
        List.of("the folder " + folder.resolve("none") + " does not exist"), content.problems());
  }
}

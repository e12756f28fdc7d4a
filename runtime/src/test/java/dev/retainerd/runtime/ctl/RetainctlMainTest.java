package dev.retainerd.runtime.ctl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What retainctl says without any daemon. */
class RetainctlMainTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final PrintStream realErrors = System.err;

  @BeforeEach
  void catchErrors() {
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
  }

  @AfterEach
  void giveBackErrors() {
    System.setErr(realErrors);
  }

  private int retainctl(String line) {
    out.reset();
    errors.reset();
    return RetainctlMain.run(
        new PrintStream(out, true, StandardCharsets.UTF_8), line.trim().split(" +"));
  }

  private void oneSentence() {
    String said = errors.toString(StandardCharsets.UTF_8);
    assertEquals(1, said.lines().count(), said);
    assertTrue(said.startsWith("retainctl: "), said);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "frobnicate",
        "containers",
        "containers frobnicate",
        "c ls --frob",
        "run",
        "run image",
        "t kill",
        "--timeout soon c ls",
        "leases create -x soon",
        "ns label onlyname",
        "run --rm -d image id",
        "t kill -s NOSUCH id",
        "c label x =y",
      })
  void whatIsNotUnderstoodIsOneSentenceAndTwo(String line) {
    assertEquals(2, retainctl(line), line);
    oneSentence();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "version",
        "c ls",
        "i ls",
        "t ls",
        "ns ls",
        "events",
        "explain x",
        "pods ls",
        "cri ps",
        "snapshots ls",
        "content ls",
        "leases ls",
        "run image id",
        "t exec id sh -c ls"
      })
  void aDaemonThatIsNotThereIsOneSentenceWithTheMend(String line) {
    assertEquals(1, retainctl("-a " + folder + "/none.sock " + line), line);
    oneSentence();
    assertTrue(errors.toString(StandardCharsets.UTF_8).contains("start retainerd"));
  }

  @Test
  void everyVerbHasHelp() {
    for (Catalogue.Noun noun : Catalogue.NOUNS) {
      for (Catalogue.Entry verb : noun.verbs()) {
        for (String name : verb.names()) {
          assertEquals(0, retainctl(noun.names().getLast() + " " + name + " --help"), name);
          assertTrue(out.toString(StandardCharsets.UTF_8).startsWith("Usage: retainctl "));
        }
      }
    }
    assertEquals(0, retainctl("--help"));
    assertEquals(0, retainctl("--version"));
  }

  @Test
  void whatStandsBehindTheContainersNameIsItsOwn() {
    // "-x" would be unknown to exec; behind the name it belongs to the command.
    assertEquals(1, retainctl("-a " + folder + "/none.sock t exec --exec-id 1 id ls -x --frob"));
    assertEquals(2, retainctl("-a " + folder + "/none.sock t exec --frob id ls"));
  }
}

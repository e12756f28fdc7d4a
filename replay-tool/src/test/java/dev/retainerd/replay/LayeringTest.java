package dev.retainerd.replay;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Who may know whom within rewind. */
class LayeringTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.retainerd.replay");

  @Test
  void rewindKnowsNoClassOfTheDaemonOrItsShim() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.retainerd.runtime..", "dev.retainerd.shim..")
        .check(OURS);
  }

  /** What writes a log is not even loaded: nothing here could write into one by mistake. */
  @Test
  void rewindKnowsNothingThatWritesALog() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.retainerd.eventlog.chronicle..", "net.openhft..", "org.rocksdb..")
        .check(OURS);
  }

  @Test
  void onlyTheWayToALiveDaemonKnowsGrpc() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.retainerd.replay.live..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.grpc..", "io.netty..", "dev.retainerd.wire..")
        .check(OURS);
  }

  @Test
  void packagesFormNoCycles() {
    slices().matching("dev.retainerd.replay.(*)..").should().beFreeOfCycles().check(OURS);
  }
}

package dev.retainerd.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/**
 * retain-bench measures from outside: a class of the daemon in here would measure something else.
 */
class LayeringTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.retainerd.bench");

  @Test
  void benchKnowsNoClassOfTheRuntimesItMeasures() {
    noClasses()
        .that()
        .resideInAPackage("dev.retainerd.bench..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.retainerd.runtime..",
            "dev.retainerd.store..",
            "dev.retainerd.eventlog..",
            "dev.retainerd.shim..",
            "dev.retainerd.replay..")
        .check(OURS);
  }

  @Test
  void packagesFormNoCycles() {
    slices().matching("dev.retainerd.bench.(*)..").should().beFreeOfCycles().check(OURS);
  }
}

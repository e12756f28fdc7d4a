package dev.retainerd.runtime.layering;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Who may know whom, over every production class that the daemon's class path holds: eventlog,
 * store, shim and runtime. The two programs beside it, rewind and retain-bench, have their own test
 * of this kind.
 */
class LayeringTest {
  private static final JavaClasses OURS =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.retainerd");

  /** Packages that act on the node; each takes plain arguments, and knows nothing of the others. */
  private static final List<String> EFFECTS =
      List.of("content", "snapshot", "registry", "archive", "network", "namespaces", "oci");

  private static void holds(ArchRule rule) {
    rule.allowEmptyShould(true).check(OURS);
  }

  @Test
  void eventlogKnowsNoOtherModule() {
    holds(
        noClasses()
            .that()
            .resideInAnyPackage("dev.retainerd.eventlog..", "dev.retainerd.events..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.retainerd.store..",
                "dev.retainerd.shim..",
                "dev.retainerd.runtime..",
                "dev.retainerd.replay.."));
  }

  @Test
  void storeKnowsOnlyTheEventlog() {
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.retainerd.store..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.retainerd.shim..", "dev.retainerd.runtime..", "dev.retainerd.replay.."));
  }

  /** A shim costs memory once for each host of pods: nothing heavy may come into it. */
  @Test
  void shimKnowsNothingHeavyAndNoOtherModule() {
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.retainerd.shim..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.retainerd.eventlog..",
                "dev.retainerd.events..",
                "dev.retainerd.store..",
                "dev.retainerd.runtime..",
                "dev.retainerd.replay..",
                "io.grpc..",
                "io.netty..",
                "net.openhft..",
                "org.rocksdb..",
                "org.slf4j..",
                "ch.qos..",
                "com.google.gson..",
                "picocli..",
                "java.util.logging..",
                "jnr.."));
  }

  /**
   * I13: one loop reaps every child; ProcessBuilder's own reaper would steal exit statuses from it.
   */
  @Test
  void shimNeverUsesTheJdksProcesses() {
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.retainerd.shim..")
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.ProcessBuilder")
            .orShould()
            .callMethod(Runtime.class, "exec", String.class)
            .orShould()
            .callMethod(Runtime.class, "exec", String[].class));
  }

  @Test
  void onePackageKnowsChronicle() {
    assertAtMostOnePackageKnows("net.openhft.", "dev.retainerd.");
  }

  @Test
  void onePackageKnowsRocksDb() {
    assertAtMostOnePackageKnows("org.rocksdb.", "dev.retainerd.");
  }

  @Test
  void onePackageOfEachProcessMakesNativeCalls() {
    for (String native_ : List.of("jnr.", "com.kenai.jffi.")) {
      assertAtMostOnePackageKnows(native_, "dev.retainerd.shim.");
      assertAtMostOnePackageKnows(native_, "dev.retainerd.runtime.");
    }
  }

  /** I4: the fold is pure, so that a replay a year later gives the same state. */
  @Test
  void foldHasNoClockNoRandomAndNoFiles() {
    holds(
        noClasses()
            .that()
            .resideInAPackage("dev.retainerd.store.fold..")
            .should()
            .dependOnClassesThat()
            .haveNameMatching(
                "java\\.time\\.(Clock|InstantSource)|java\\.util\\.(Random|UUID)|java\\.util\\.concurrent"
                    + "\\.ThreadLocalRandom|java\\.io\\.File.*|java\\.nio\\.file\\..*|java\\.net\\..*")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(java.time.Instant.class, "now"));
  }

  @Test
  void effectsKnowNothingOfEachOther() {
    for (String effect : EFFECTS) {
      String[] others =
          EFFECTS.stream()
              .filter(other -> !other.equals(effect))
              .map(other -> "dev.retainerd.runtime." + other + "..")
              .toArray(String[]::new);
      holds(
          noClasses()
              .that()
              .resideInAPackage("dev.retainerd.runtime." + effect + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(others));
    }
  }

  @Test
  void effectsKnowNeitherTheJournalNorTheAdapters() {
    String[] effects =
        EFFECTS.stream()
            .map(effect -> "dev.retainerd.runtime." + effect + "..")
            .toArray(String[]::new);
    holds(
        noClasses()
            .that()
            .resideInAnyPackage(effects)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.retainerd.eventlog..",
                "dev.retainerd.store..",
                "dev.retainerd.runtime.engine..",
                "dev.retainerd.runtime.cri..",
                "dev.retainerd.runtime.containerd..",
                "dev.retainerd.runtime.grpc..",
                "io.grpc.."));
  }

  /** Adapters translate; what a request does is decided behind them. */
  @Test
  void adaptersTouchNeitherTheLogNorTheStoreNorTheNode() {
    holds(
        noClasses()
            .that()
            .resideInAnyPackage("dev.retainerd.runtime.cri..", "dev.retainerd.runtime.containerd..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.retainerd.runtime.network..",
                "dev.retainerd.runtime.namespaces..",
                "dev.retainerd.runtime.linux..",
                "dev.retainerd.store.rocks.."));
  }

  @Test
  void packagesFormNoCycles() {
    slices()
        .matching("dev.retainerd.(**)")
        .should()
        .beFreeOfCycles()
        .allowEmptyShould(true)
        .check(OURS);
  }

  private static void assertAtMostOnePackageKnows(String library, String root) {
    Set<String> packages =
        OURS.stream()
            .filter(one -> one.getPackageName().startsWith(root))
            .filter(one -> knows(one, library))
            .map(JavaClass::getPackageName)
            .collect(Collectors.toCollection(TreeSet::new));
    assertTrue(
        packages.size() <= 1, () -> "only one package may know " + library + "*: " + packages);
  }

  private static boolean knows(JavaClass one, String library) {
    return one.getDirectDependenciesFromSelf().stream()
        .map(Dependency::getTargetClass)
        .anyMatch(target -> target.getBaseComponentType().getName().startsWith(library));
  }
}

package dev.retainerd.bench.scenario;

/** What runc takes alone. */
interface RuncFloor extends Scenario {
  @Override
  default String target() {
    return Runc.NAME;
  }

  @Override
  default boolean floor() {
    return true;
  }
}

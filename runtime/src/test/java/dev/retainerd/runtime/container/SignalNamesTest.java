package dev.retainerd.runtime.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.Signal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SignalNamesTest {
  @ParameterizedTest
  @EnumSource(
      value = Signal.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"SIGNAL_RUNTIME_DEFAULT", "UNRECOGNIZED"})
  void everySignalOfCriCanBeSent(Signal signal) {
    String name = SignalNames.ofCri(signal);
    assertTrue(name.startsWith("SIG"), name);
    int number = SignalNames.number(name);
    assertTrue(number >= 1 && number <= 64, name);
    // As earlier versions recorded it.
    assertEquals(number, SignalNames.number(signal.name()));
  }

  @Test
  void namesOfImagesAreRead() {
    assertEquals(15, SignalNames.number("TERM"));
    assertEquals(37, SignalNames.number("SIGRTMIN+3"));
    assertEquals(9, SignalNames.number("9"));
    assertThrows(Refusal.class, () -> SignalNames.number("SIGNOPE"));
    assertThrows(Refusal.class, () -> SignalNames.number("SIGNAL_"));
    assertThrows(Refusal.class, () -> SignalNames.ofCri(Signal.UNRECOGNIZED));
  }
}

package dev.retainerd.runtime.shims;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.retainerd.runtime.error.Refusal;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Which line a caller is given while a shim dies. */
final class ShimLinesTest {
  private final CountDownLatch over = new CountDownLatch(1);

  /** Its records never end, as on a connection of which nobody has seen yet that it has. */
  private ShimCalls shim(Refusal refusal) {
    return (ShimCalls)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {ShimCalls.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "records" -> {
                    over.await();
                    yield List.of();
                  }
                  case "kill" -> {
                    if (refusal != null) {
                      throw refusal;
                    }
                    yield null;
                  }
                  default -> null;
                });
  }

  @Test
  void whoFoundAConnectionGoneIsGivenTheSuccessor() throws Exception {
    AtomicReference<String> home = new AtomicReference<>("dead");
    try (ShimLines lines = new ShimLines(Path.of("/no/holder"), id -> false)) {
      lines.attach("dead", shim(Refusal.unavailable("the connection is gone")));
      Refusal gone = assertThrows(Refusal.class, () -> kill(lines.callsOf(home::get)));
      assertEquals("the connection is gone", gone.sentence());

      CompletableFuture<Void> again =
          CompletableFuture.runAsync(() -> kill(lines.callsOf(home::get)));
      home.set("heir");
      lines.attach("heir", shim(null));
      again.get(5, TimeUnit.SECONDS);
    } finally {
      over.countDown();
    }
  }

  private static void kill(ShimCalls shim) {
    shim.kill("k8s.io", "c", "", 9, false);
  }
}

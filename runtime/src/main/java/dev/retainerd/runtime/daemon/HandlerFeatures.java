package dev.retainerd.runtime.daemon;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.wire.cri.v1.RuntimeHandler;
import dev.retainerd.wire.cri.v1.RuntimeHandlerFeatures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the configured OCI runtimes can do, as each says itself when it is asked for its features.
 * Asked once a runtime; one that does not answer has none. Thread-safe.
 */
final class HandlerFeatures {
  private static final Logger LOG = LoggerFactory.getLogger(HandlerFeatures.class);
  private static final int PATIENCE_SECONDS = 5;
  private static final int MOST_BYTES = 1 << 20;

  private final DaemonConfig config;
  private final IdMappedMounts idMappedMounts;
  private final Map<String, RuntimeHandlerFeatures> byEngine = new ConcurrentHashMap<>();

  HandlerFeatures(DaemonConfig config, IdMappedMounts idMappedMounts) {
    this.config = config;
    this.idMappedMounts = idMappedMounts;
  }

  /** Every handler in order of name; the one without a name first, which is the default. */
  List<RuntimeHandler> all() {
    List<RuntimeHandler> handlers = new ArrayList<>();
    handlers.add(
        RuntimeHandler.newBuilder().setFeatures(of(config.defaultRuntime().engine())).build());
    new TreeMap<>(config.runtimes())
        .forEach(
            (name, handler) ->
                handlers.add(
                    RuntimeHandler.newBuilder()
                        .setName(name)
                        .setFeatures(of(handler.engine()))
                        .build()));
    return handlers;
  }

  private RuntimeHandlerFeatures of(String engine) {
    return byEngine.computeIfAbsent(engine, this::ask);
  }

  private RuntimeHandlerFeatures ask(String engine) {
    RuntimeHandlerFeatures.Builder features = RuntimeHandlerFeatures.newBuilder();
    try {
      Process process =
          new ProcessBuilder(engine, "features")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      byte[] output = process.getInputStream().readNBytes(MOST_BYTES);
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return features.build();
      }
      JsonObject json =
          JsonParser.parseString(new String(output, StandardCharsets.UTF_8)).getAsJsonObject();
      boolean recursive = false;
      if (json.has("mountOptions")) {
        for (JsonElement option : json.getAsJsonArray("mountOptions")) {
          recursive |= option.getAsString().equals("rro");
        }
      }
      features.setRecursiveReadOnlyMounts(recursive);
      // The daemon maps mounts itself, so that it depends on the kernel and not on the runtime.
      features.setUserNamespaces(idMappedMounts.missing().isEmpty());
    } catch (IOException | JsonParseException | IllegalStateException e) {
      LOG.info("{} does not say what its features are: {}", engine, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return features.build();
  }
}

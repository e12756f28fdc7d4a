package dev.retainerd.runtime.daemon;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.retainerd.runtime.config.DaemonConfig;
import dev.retainerd.wire.cri.v1.RuntimeHandler;
import dev.retainerd.wire.cri.v1.RuntimeHandlerFeatures;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
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
 * Asked once a runtime; one that does not answer has none, but for a crun from before 1.8.6, which
 * knows user namespaces and not the question. Thread-safe.
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

  /**
   * Every handler that pods can have, in order of name; the one without a name first, which is the
   * default.
   */
  List<RuntimeHandler> all() {
    List<RuntimeHandler> handlers = new ArrayList<>();
    add(handlers, "", config.defaultRuntime());
    new TreeMap<>(config.runtimes()).forEach((name, handler) -> add(handlers, name, handler));
    return handlers;
  }

  private void add(
      List<RuntimeHandler> to, String name, dev.retainerd.runtime.config.RuntimeHandler handler) {
    if (handler.servedByOurShim()) {
      to.add(RuntimeHandler.newBuilder().setName(name).setFeatures(of(handler.engine())).build());
    }
  }

  private RuntimeHandlerFeatures of(String engine) {
    return byEngine.computeIfAbsent(engine, this::ask);
  }

  private RuntimeHandlerFeatures ask(String engine) {
    RuntimeHandlerFeatures.Builder features = RuntimeHandlerFeatures.newBuilder();
    try {
      String said = said(engine, "features");
      // The daemon maps mounts itself, so that it depends on the kernel and not on the runtime.
      boolean users = idMappedMounts.missing().isEmpty();
      if (said.isBlank()) {
        String version = said(engine, "--version");
        return features.setUserNamespaces(users && version.startsWith("crun version ")).build();
      }
      JsonObject json = JsonParser.parseString(said).getAsJsonObject();
      boolean recursive = false;
      if (json.has("mountOptions")) {
        for (JsonElement option : json.getAsJsonArray("mountOptions")) {
          recursive |= option.getAsString().equals("rro");
        }
      }
      features.setRecursiveReadOnlyMounts(recursive);
      features.setUserNamespaces(users);
    } catch (IOException | JsonParseException | IllegalStateException e) {
      LOG.info("{} does not say what its features are: {}", engine, e.getMessage());
    }
    return features.build();
  }

  /** What it prints; one that takes too long is ended, and has said what it has until then. */
  private static String said(String engine, String question) throws IOException {
    Process process =
        new ProcessBuilder(engine, question)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    process
        .onExit()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .exceptionally(
            late -> {
              process.destroyForcibly();
              return process;
            });
    try (InputStream output = process.getInputStream()) {
      return new String(output.readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
    }
  }
}

package dev.retainerd.replay;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Debian's chromium without a screen, driven over its DevTools protocol. It has a profile of its
 * own, and no network: every name resolves to nothing.
 */
final class Chromium implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;

  private final Path profile;
  private final Process process;
  private final WebSocket socket;
  private final AtomicInteger number = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonObject>> answers = new ConcurrentHashMap<>();
  private final List<String> complaints = new CopyOnWriteArrayList<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final StringBuilder message = new StringBuilder();
  private final String session;

  Chromium(int width, int height) throws IOException {
    profile = Files.createTempDirectory("rewind-chromium-");
    process =
        new ProcessBuilder(
                "chromium",
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--force-color-profile=srgb",
                "--remote-debugging-port=0",
                "--window-size=" + width + "," + height,
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectErrorStream(true)
            .start();
    socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .buildAsync(URI.create(address()), new Ear())
            .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
            .join();
    JsonObject target = call("", "Target.createTarget", Map.of("url", "about:blank"));
    session =
        call(
                "",
                "Target.attachToTarget",
                Map.of("targetId", target.get("targetId").getAsString(), "flatten", true))
            .get("sessionId")
            .getAsString();
    call("Page.enable", Map.of());
    call("Runtime.enable", Map.of());
    call("Network.enable", Map.of());
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
  }

  private String address() throws IOException {
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    List<String> said = new ArrayList<>();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      said.add(line);
      int at = line.indexOf("ws://");
      if (line.startsWith("DevTools listening") && at > 0) {
        Thread.ofPlatform().daemon(true).start(() -> drain(out));
        return line.substring(at);
      }
    }
    throw new IOException("chromium did not start: " + said);
  }

  private static void drain(BufferedReader out) {
    try {
      while (out.readLine() != null) {
        // It complains about missing buses and sound cards.
      }
    } catch (IOException e) {
      // It has ended.
    }
  }

  /** Puts messages together and hands them to whoever waits. */
  private final class Ear implements WebSocket.Listener {
    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence text, boolean last) {
      message.append(text);
      if (last) {
        JsonObject whole = JsonParser.parseString(message.toString()).getAsJsonObject();
        message.setLength(0);
        take(whole);
      }
      from.request(1);
      return null;
    }
  }

  private void take(JsonObject whole) {
    if (whole.has("id")) {
      answers.remove(whole.get("id").getAsInt()).complete(whole);
      return;
    }
    String method = whole.get("method").getAsString();
    JsonObject what = whole.getAsJsonObject("params");
    if (method.equals("Runtime.exceptionThrown")) {
      complaints.add(what.toString());
    } else if (method.equals("Network.requestWillBeSent")) {
      requests.add(what.getAsJsonObject("request").get("url").getAsString());
    }
  }

  JsonObject call(String method, Map<String, ?> what) {
    return call(session, method, what);
  }

  private JsonObject call(String in, String method, Map<String, ?> what) {
    int id = number.incrementAndGet();
    CompletableFuture<JsonObject> answer = new CompletableFuture<>();
    answers.put(id, answer);
    JsonObject request = new JsonObject();
    request.addProperty("id", id);
    request.addProperty("method", method);
    request.add("params", new Gson().toJsonTree(what));
    if (!in.isEmpty()) {
      request.addProperty("sessionId", in);
    }
    socket.sendText(request.toString(), true).join();
    JsonObject whole = answer.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
    if (whole.has("error")) {
      throw new AssertionError(method + ": " + whole.get("error"));
    }
    return whole.getAsJsonObject("result");
  }

  /** Opens a page and waits until it is loaded. */
  void open(Path file) {
    call("Page.navigate", Map.of("url", file.toUri().toString()));
    await("document.readyState==='complete'&&location.href!=='about:blank'");
  }

  /** The value of an expression; a promise is waited for. */
  JsonElement evaluate(String expression) {
    JsonObject result =
        call(
            "Runtime.evaluate",
            Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
    if (result.has("exceptionDetails")) {
      throw new AssertionError(expression + ": " + result.get("exceptionDetails"));
    }
    return result.getAsJsonObject("result").get("value");
  }

  void await(String condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(PATIENCE_SECONDS).toNanos();
    String promise =
        "new Promise(done=>{const look=()=>("
            + condition
            + ")?done(true):requestAnimationFrame(look);look();setTimeout(()=>done(false),500)})";
    while (!evaluate(promise).getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("never: " + condition);
      }
    }
  }

  void mouse(String type, double x, double y, String button, Map<String, ?> more) {
    Map<String, Object> what = new java.util.HashMap<>(more);
    what.put("type", type);
    what.put("x", x);
    what.put("y", y);
    what.put("button", button);
    what.putIfAbsent("clickCount", type.equals("mouseWheel") ? 0 : 1);
    call("Input.dispatchMouseEvent", what);
  }

  void click(double x, double y) {
    mouse("mousePressed", x, y, "left", Map.of());
    mouse("mouseReleased", x, y, "left", Map.of());
  }

  void screenshot(Path file) throws IOException {
    String data = call("Page.captureScreenshot", Map.of("format", "png")).get("data").getAsString();
    Files.write(file, Base64.getDecoder().decode(data));
  }

  /** Exceptions of the page. */
  List<String> complaints() {
    return complaints;
  }

  /** Everything that was asked for, over whatever protocol. */
  List<String> requests() {
    return requests;
  }

  @Override
  public void close() throws IOException {
    try {
      socket.abort();
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor(20, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try (Stream<Path> files = Files.walk(profile)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}

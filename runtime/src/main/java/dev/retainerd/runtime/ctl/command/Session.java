package dev.retainerd.runtime.ctl.command;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.stream.JsonWriter;
import dev.retainerd.runtime.grpc.CallContext;
import dev.retainerd.runtime.grpc.UnixChannels;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * One run of retainctl: whom it talks to, in which namespace, and where it prints. Connects with
 * the first call. Not thread-safe, but its stubs are.
 */
public final class Session implements AutoCloseable {
  /** How long an ordinary call may take where the operator sets no bound, in milliseconds. */
  private static final long CALL_MILLIS = 120_000;

  private final Path socket;
  private final String namespace;
  private final long timeoutMillis;
  private final boolean json;
  private final PrintStream out;
  private UnixChannels channels;
  private String lease = "";

  public Session(Path socket, String namespace, long timeoutMillis, boolean json, PrintStream out) {
    this.socket = socket;
    this.namespace = namespace;
    this.timeoutMillis = timeoutMillis;
    this.json = json;
    this.out = out;
  }

  public Path socket() {
    return socket;
  }

  public String namespace() {
    return namespace;
  }

  /** Whether the operator wants JSON instead of text. */
  public boolean json() {
    return json;
  }

  public PrintStream out() {
    return out;
  }

  /** Calls through this channel carry the session's namespace, and its lease while it has one. */
  public Channel channel() {
    Metadata headers = new Metadata();
    headers.put(CallContext.NAMESPACE_HEADER, namespace);
    if (!lease.isEmpty()) {
      headers.put(CallContext.LEASE_HEADER, lease);
    }
    return ClientInterceptors.intercept(bare(), MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** Calls through this channel name no namespace: CRI knows none. */
  public Channel bare() {
    if (channels == null) {
      channels = UnixChannels.open(socket);
    }
    return channels.channel();
  }

  /** The stub with the deadline of an ordinary call. */
  public <S extends AbstractStub<S>> S bounded(S stub) {
    return stub.withDeadlineAfter(
        timeoutMillis > 0 ? timeoutMillis : CALL_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** The stub for a call that lasts as long as what it waits for: bounded only when asked. */
  public <S extends AbstractStub<S>> S patient(S stub) {
    return timeoutMillis > 0 ? stub.withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS) : stub;
  }

  /** Channels from here on work under this lease; empty for none. */
  public void under(String leaseId) {
    lease = leaseId;
  }

  public void println(String line) {
    out.println(line);
  }

  /** Prints a tree as JSON, indented. */
  public void print(JsonElement tree) {
    StringWriter text = new StringWriter();
    JsonWriter writer = new JsonWriter(text);
    writer.setIndent("    ");
    writer.setHtmlSafe(false);
    new GsonBuilder().disableHtmlEscaping().serializeNulls().create().toJson(tree, writer);
    out.println(text);
  }

  @Override
  public void close() {
    if (channels != null) {
      channels.close();
    }
  }
}

package dev.retainerd.shim.protocol;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.retainerd.shim.wire.known.Empty;
import dev.retainerd.shim.wire.retain.AdoptRequest;
import dev.retainerd.shim.wire.retain.AdoptResponse;
import dev.retainerd.shim.wire.retain.AttachRequest;
import dev.retainerd.shim.wire.retain.InfoRequest;
import dev.retainerd.shim.wire.retain.InfoResponse;
import dev.retainerd.shim.wire.retain.LogSettingsRequest;
import dev.retainerd.shim.wire.retain.LogSettingsResponse;
import dev.retainerd.shim.wire.retain.RecordsRequest;
import dev.retainerd.shim.wire.retain.RecordsResponse;
import dev.retainerd.shim.wire.retain.ReopenLogRequest;
import dev.retainerd.shim.wire.retain.SendDescriptorsRequest;
import dev.retainerd.shim.wire.retain.SendDescriptorsResponse;
import dev.retainerd.shim.wire.retain.ShutdownIfEmptyRequest;
import dev.retainerd.shim.wire.retain.ShutdownIfEmptyResponse;
import java.time.Duration;
import java.util.Map;

/** Our own service of a shim (shim.proto has the meaning of each call). Thread-safe. */
public final class ShimClient {
  private static final Duration POLL_SLACK = Duration.ofSeconds(4);

  private final TtrpcClient connection;

  public ShimClient(TtrpcClient connection) {
    this.connection = connection;
  }

  public InfoResponse info(Duration timeout) throws TtrpcException {
    return call("Info", InfoRequest.getDefaultInstance(), InfoResponse.parser(), timeout);
  }

  public AdoptResponse adopt(AdoptRequest request, Duration timeout) throws TtrpcException {
    return call("Adopt", request, AdoptResponse.parser(), timeout);
  }

  /**
   * Waits up to {@code wait} for records with a number above {@code since}; an empty answer means
   * that there was none. Since 0 gives all that the shim holds.
   */
  public RecordsResponse records(long since, Duration wait) throws TtrpcException {
    RecordsRequest request =
        RecordsRequest.newBuilder().setSince(since).setWaitMillis((int) wait.toMillis()).build();
    return call("Records", request, RecordsResponse.parser(), wait.plus(POLL_SLACK));
  }

  public void reopenLog(ReopenLogRequest request, Duration timeout) throws TtrpcException {
    call("ReopenLog", request, Empty.parser(), timeout);
  }

  public LogSettingsResponse logSettings(LogSettingsRequest request, Duration timeout)
      throws TtrpcException {
    return call("LogSettings", request, LogSettingsResponse.parser(), timeout);
  }

  public void attach(AttachRequest request, Duration timeout) throws TtrpcException {
    call("Attach", request, Empty.parser(), timeout);
  }

  public SendDescriptorsResponse sendDescriptors(SendDescriptorsRequest request, Duration timeout)
      throws TtrpcException {
    return call("SendDescriptors", request, SendDescriptorsResponse.parser(), timeout);
  }

  /** True when the shim held no container and is about to exit. */
  public boolean shutdownIfEmpty(Duration timeout) throws TtrpcException {
    return call(
            "ShutdownIfEmpty",
            ShutdownIfEmptyRequest.getDefaultInstance(),
            ShutdownIfEmptyResponse.parser(),
            timeout)
        .getShuttingDown();
  }

  private <T extends MessageLite> T call(
      String method, MessageLite request, Parser<T> answer, Duration timeout)
      throws TtrpcException {
    return connection.call(ServiceNames.SHIM, method, request, Map.of(), answer, timeout);
  }
}

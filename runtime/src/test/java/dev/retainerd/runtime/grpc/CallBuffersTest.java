package dev.retainerd.runtime.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Empty;
import dev.retainerd.runtime.program.Program;
import dev.retainerd.wire.containerd.services.version.v1.VersionGrpc;
import dev.retainerd.wire.containerd.services.version.v1.VersionResponse;
import io.grpc.stub.StreamObserver;
import io.netty.util.internal.PlatformDependent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a JVM of its own, with the flags that ./build gives the daemon's. */
class CallBuffersTest {
  private static final Pattern OF_BUFFERS = Pattern.compile("-Dio\\.netty\\.allocator\\.\\w+=\\d+");
  private static final String DIRECT = "direct ";
  private static final long MIB = 1 << 20;

  /** Answers eight connections, then says how much memory their buffers have taken. */
  static final class Called {
    public static void main(String[] arguments) throws Exception {
      Path socket = Path.of(arguments[0]);
      var service =
          new VersionGrpc.VersionImplBase() {
            @Override
            public void version(Empty request, StreamObserver<VersionResponse> response) {
              response.onNext(VersionResponse.newBuilder().setVersion("1").build());
              response.onCompleted();
            }
          };
      List<UnixChannels> clients = new ArrayList<>();
      try (GrpcServer server =
          GrpcServer.start(GrpcServer.Options.forRoot(socket), List.of(service))) {
        for (int i = 0; i < 8; i++) {
          UnixChannels client = UnixChannels.open(server.socket());
          clients.add(client);
          VersionGrpc.newBlockingStub(client.inNamespace("tests"))
              .version(Empty.getDefaultInstance());
        }
        System.out.println(DIRECT + PlatformDependent.usedDirectMemory());
        for (UnixChannels client : clients) {
          client.close();
        }
      }
    }
  }

  @Test
  void callsOfAllClientsShareOneChunkOfMemory(@TempDir Path folder) throws Exception {
    String build = Files.readString(Path.of("..", "build"));
    List<String> flags =
        new ArrayList<>(
            List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    OF_BUFFERS.matcher(build).results().forEach(flag -> flags.add(flag.group()));
    Program.Output output =
        new Program(Program.java(flags, Called.class, folder.resolve("api.sock").toString()))
            .run(60);
    String said = output.out();
    assertEquals(0, output.code(), said + output.err());
    long bytes =
        said.lines()
            .filter(line -> line.startsWith(DIRECT))
            .map(line -> Long.valueOf(line.substring(DIRECT.length())))
            .findFirst()
            .orElseThrow();
    assertTrue(bytes > 0 && bytes < 2 * MIB, said);
  }
}

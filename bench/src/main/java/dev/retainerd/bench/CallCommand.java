package dev.retainerd.bench;

import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.util.JsonFormat;
import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.node.Node;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Makes any unary call of CRI by name, request and response in JSON: for scripts and for trying
 * out.
 */
@Command(
    name = "call",
    description = "Makes one CRI call, such as: call ListContainers '{}'",
    mixinStandardHelpOptions = true)
final class CallCommand implements Callable<Integer> {
  @Option(
      names = {"-a", "--address"},
      required = true,
      description = "the runtime's socket")
  private Path address;

  @Option(
      names = "--timeout",
      defaultValue = "120",
      description = "seconds; default: ${DEFAULT-VALUE}")
  private long timeoutSeconds;

  @Parameters(index = "0", paramLabel = "METHOD", description = "its name, such as RunPodSandbox")
  private String method;

  @Parameters(index = "1", paramLabel = "JSON", defaultValue = "{}", description = "the request")
  private String request;

  @Override
  public Integer call() throws Exception {
    MethodDescriptor found = find();
    DynamicMessage.Builder message = DynamicMessage.newBuilder(found.getInputType());
    JsonFormat.parser().merge(request, message);
    try (RuntimeClient client = new RuntimeClient(address, Node.NAMESPACE)) {
      DynamicMessage response = call(client.channel(), found, message.build());
      System.out.println(JsonFormat.printer().alwaysPrintFieldsWithNoPresence().print(response));
      return 0;
    } catch (StatusRuntimeException e) {
      System.err.println(
          method + ": " + e.getStatus().getCode() + ": " + e.getStatus().getDescription());
      return BenchMain.FAILED;
    }
  }

  private DynamicMessage call(Channel channel, MethodDescriptor found, DynamicMessage message) {
    io.grpc.MethodDescriptor<DynamicMessage, DynamicMessage> descriptor =
        io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
            .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(
                io.grpc.MethodDescriptor.generateFullMethodName(
                    found.getService().getFullName(), found.getName()))
            .setRequestMarshaller(marshaller(found.getInputType()))
            .setResponseMarshaller(marshaller(found.getOutputType()))
            .build();
    return ClientCalls.blockingUnaryCall(
        channel,
        descriptor,
        CallOptions.DEFAULT.withDeadlineAfter(timeoutSeconds, TimeUnit.SECONDS),
        message);
  }

  private static io.grpc.MethodDescriptor.Marshaller<DynamicMessage> marshaller(
      com.google.protobuf.Descriptors.Descriptor type) {
    return ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(type));
  }

  private MethodDescriptor find() {
    Object schema = RuntimeServiceGrpc.getServiceDescriptor().getSchemaDescriptor();
    FileDescriptor file = ((ProtoFileDescriptorSupplier) schema).getFileDescriptor();
    for (ServiceDescriptor service : file.getServices()) {
      MethodDescriptor found = service.findMethodByName(method);
      if (found != null && !found.isClientStreaming() && !found.isServerStreaming()) {
        return found;
      }
    }
    throw new IllegalArgumentException(
        "CRI has no unary call " + method + "; the names are those of api.proto, such as Version");
  }
}

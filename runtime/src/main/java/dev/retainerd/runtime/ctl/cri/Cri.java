package dev.retainerd.runtime.ctl.cri;

import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.retainerd.runtime.ctl.command.CommandFailure;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.store.words.Phrases;
import dev.retainerd.wire.cri.v1.Container;
import dev.retainerd.wire.cri.v1.ImageServiceGrpc;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What the verbs on pods share: stubs, whole ids, messages as JSON. */
final class Cri {

  private Cri() {}

  static RuntimeServiceGrpc.RuntimeServiceBlockingStub runtime(Session session) {
    return session.bounded(RuntimeServiceGrpc.newBlockingStub(session.bare()));
  }

  static RuntimeServiceGrpc.RuntimeServiceBlockingStub patient(Session session) {
    return session.patient(RuntimeServiceGrpc.newBlockingStub(session.bare()));
  }

  static ImageServiceGrpc.ImageServiceBlockingStub images(Session session) {
    return session.patient(ImageServiceGrpc.newBlockingStub(session.bare()));
  }

  /** A message out of a JSON file, as crictl reads its configs. */
  static <B extends Message.Builder> B read(Path file, B into) throws IOException {
    try {
      JsonFormat.parser().ignoringUnknownFields().merge(Files.readString(file), into);
      return into;
    } catch (InvalidProtocolBufferException e) {
      throw CommandFailure.of(file + " is no such config: " + e.getMessage(), e);
    }
  }

  static void print(Session session, Message message) throws InvalidProtocolBufferException {
    session.print(
        JsonParser.parseString(
            JsonFormat.printer().alwaysPrintFieldsWithNoPresence().print(message)));
  }

  /** The id of the pod whose id begins so. */
  static String pod(Session session, String id) {
    List<String> ids =
        runtime(session)
            .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
            .getItemsList()
            .stream()
            .map(PodSandbox::getId)
            .filter(one -> one.startsWith(id))
            .toList();
    return one("pod", id, ids);
  }

  /** The id of the container whose id begins so. */
  static String container(Session session, String id) {
    List<String> ids =
        runtime(session)
            .listContainers(ListContainersRequest.getDefaultInstance())
            .getContainersList()
            .stream()
            .map(Container::getId)
            .filter(one -> one.startsWith(id))
            .toList();
    return one("container", id, ids);
  }

  private static String one(String kind, String id, List<String> found) {
    Optional<String> exact = found.stream().filter(id::equals).findFirst();
    if (exact.isPresent()) {
      return exact.get();
    }
    if (found.size() != 1) {
      throw CommandFailure.of(
          found.isEmpty()
              ? "there is no " + kind + " whose id begins with \"" + id + "\""
              : "\""
                  + id
                  + "\" begins the ids of several: "
                  + String.join(", ", found.stream().map(Phrases::shortId).toList())
                  + "; give more of it");
    }
    return found.getFirst();
  }
}

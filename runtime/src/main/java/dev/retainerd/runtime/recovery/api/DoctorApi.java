package dev.retainerd.runtime.recovery.api;

import dev.retainerd.eventlog.LogDamage;
import dev.retainerd.runtime.recovery.Examination;
import dev.retainerd.store.proto.Damage;
import dev.retainerd.store.state.Kind;
import dev.retainerd.store.state.NodeState;
import dev.retainerd.wire.doctor.v1.DoctorGrpc;
import dev.retainerd.wire.doctor.v1.ExamineRequest;
import dev.retainerd.wire.doctor.v1.ExamineResponse;
import dev.retainerd.wire.doctor.v1.Finding;
import io.grpc.stub.StreamObserver;
import java.util.List;

/** {@code dev.retainerd.doctor.v1.Doctor}: the node compared with the state. Thread-safe. */
public final class DoctorApi extends DoctorGrpc.DoctorImplBase {
  private final Examination examination;
  private final NodeState state;

  public DoctorApi(Examination examination, NodeState state) {
    this.examination = examination;
    this.state = state;
  }

  @Override
  public void examine(ExamineRequest request, StreamObserver<ExamineResponse> responses) {
    ExamineResponse.Builder answer =
        ExamineResponse.newBuilder()
            .setSequence(state.sequence())
            .setCompared(examination.compared())
            .addAllDamages(damages(state));
    for (Examination.Finding found : examination.examine()) {
      Finding.Builder finding =
          Finding.newBuilder()
              .setKind(found.kind())
              .setName(found.name())
              .setSentence(found.sentence())
              .setMend(found.mend());
      found
          .last()
          .ifPresent(
              last -> finding.setLastEvent(last.sequence()).setLastEventSentence(last.sentence()));
      answer.addFindings(finding);
    }
    responses.onNext(answer.build());
    responses.onCompleted();
  }

  /** Damage that starts found, of the log or the store, each with the event that tells of it. */
  public static List<String> damages(NodeState state) {
    return state.get(Kind.NODE.key("", "node")).stream()
        .flatMap(node -> node.getDamagesList().stream())
        .map(DoctorApi::sentence)
        .toList();
  }

  private static String sentence(Damage d) {
    return "event "
        + d.getSequence()
        + ": "
        + new LogDamage(
                d.getWhat(),
                d.getPath(),
                d.getSetAsideTo(),
                d.getFirstLostSequence(),
                d.getLastLostSequence(),
                d.getDetail())
            .sentence();
  }
}

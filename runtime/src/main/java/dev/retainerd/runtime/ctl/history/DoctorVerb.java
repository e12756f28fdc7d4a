package dev.retainerd.runtime.ctl.history;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.doctor.v1.DoctorGrpc;
import dev.retainerd.wire.doctor.v1.ExamineRequest;
import dev.retainerd.wire.doctor.v1.ExamineResponse;
import dev.retainerd.wire.doctor.v1.Finding;
import picocli.CommandLine.Command;

/** {@code retainctl doctor}: whether the node is as the state says. */
@Command(
    name = "doctor",
    description = {
      "compare the node with the state: shims, bundles, mounts, namespaces, cgroups,",
      "addresses, firewall rules, and processes; exit status 1 where they differ"
    })
public final class DoctorVerb extends Verb {
  @Override
  protected int run(Session session) {
    ExamineResponse answer =
        session
            .bounded(DoctorGrpc.newBlockingStub(session.bare()))
            .examine(ExamineRequest.getDefaultInstance());
    if (session.json()) {
      session.print(tree(answer));
    } else {
      for (Finding finding : answer.getFindingsList()) {
        session.println(finding.getKind() + " " + finding.getName() + ": " + finding.getSentence());
        if (finding.getLastEvent() > 0) {
          session.println(
              "    event " + finding.getLastEvent() + ": " + finding.getLastEventSentence());
        }
        session.println("    " + finding.getMend());
      }
      answer.getDamagesList().forEach(damage -> session.println("note: " + damage));
      session.println(
          (answer.getFindingsCount() == 0
                  ? "the node is as the state says"
                  : answer.getFindingsCount() + " differences between the node and the state")
              + " at event "
              + answer.getSequence()
              + " ("
              + answer.getCompared()
              + ")");
    }
    return answer.getFindingsCount() == 0 ? 0 : 1;
  }

  private static JsonObject tree(ExamineResponse answer) {
    JsonArray findings = new JsonArray();
    for (Finding finding : answer.getFindingsList()) {
      JsonObject one = new JsonObject();
      one.addProperty("kind", finding.getKind());
      one.addProperty("name", finding.getName());
      one.addProperty("sentence", finding.getSentence());
      one.addProperty("lastEvent", finding.getLastEvent());
      one.addProperty("lastEventSentence", finding.getLastEventSentence());
      one.addProperty("mend", finding.getMend());
      findings.add(one);
    }
    JsonObject tree = new JsonObject();
    tree.add("findings", findings);
    tree.addProperty("sequence", answer.getSequence());
    tree.addProperty("compared", answer.getCompared());
    JsonArray damages = new JsonArray();
    answer.getDamagesList().forEach(damages::add);
    tree.add("damages", damages);
    return tree;
  }
}

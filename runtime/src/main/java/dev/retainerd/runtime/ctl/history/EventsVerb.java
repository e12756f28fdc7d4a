package dev.retainerd.runtime.ctl.history;

import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.Envelope;
import dev.retainerd.eventlog.EnvelopeCodec;
import dev.retainerd.runtime.ctl.command.Session;
import dev.retainerd.runtime.ctl.command.Times;
import dev.retainerd.runtime.ctl.command.Trees;
import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.store.words.PayloadJson;
import dev.retainerd.store.words.Told;
import dev.retainerd.wire.containerd.services.events.v1.EventsGrpc;
import dev.retainerd.wire.containerd.services.events.v1.SubscribeRequest;
import dev.retainerd.wire.history.v1.HistoryEvent;
import dev.retainerd.wire.history.v1.HistoryFilter;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code retainctl events}: containerd's events as they come, or, with one of the options, the
 * node's own history, which can be read again from anywhere.
 */
@Command(
    name = "events",
    description = {
      "display events: containerd's as they come,",
      "or with --from the node's own history from a sequence on"
    })
public final class EventsVerb extends Verb {
  private static final DateTimeFormatter GO_TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSSSSS '+0000 UTC'")
          .withZone(ZoneOffset.UTC);

  @Option(
      names = "--from",
      defaultValue = "-1",
      paramLabel = "SEQ",
      description = "the node's own history from this sequence on")
  long from;

  @Option(
      names = {"-f", "--follow"},
      description = "with --from: wait for events to come")
  boolean follow;

  @Option(names = "--about", defaultValue = "", paramLabel = "ID", description = "its life only")
  String about;

  @Option(names = "--type", paramLabel = "TYPE", description = "such as TaskExited")
  List<String> types = new ArrayList<>();

  @Parameters(paramLabel = "FILTER")
  List<String> filters = new ArrayList<>();

  @Override
  protected int run(Session session) {
    if (from < 0 && about.isEmpty() && types.isEmpty() && !follow) {
      containerd(session);
    } else {
      history(session);
    }
    return 0;
  }

  private void containerd(Session session) {
    var events =
        session
            .patient(EventsGrpc.newBlockingStub(session.channel()))
            .subscribe(SubscribeRequest.newBuilder().addAllFilters(filters).build());
    while (events.hasNext()) {
      var event = events.next();
      String text =
          Topics.parse(event.getEvent())
              .map(message -> new PayloadJson(true).json(message))
              .orElseGet(() -> Trees.of(event.getEvent()).toString());
      session.println(
          GO_TIME.format(Times.instant(event.getTimestamp()))
              + " "
              + event.getNamespace()
              + " "
              + event.getTopic()
              + " "
              + text);
      session.out().flush();
    }
  }

  private void history(Session session) {
    Iterator<HistoryEvent> events =
        dev.retainerd.wire.history.v1.EventsGrpc.newBlockingStub(session.channel())
            .subscribe(
                dev.retainerd.wire.history.v1.SubscribeRequest.newBuilder()
                    .setFromSequence(Math.max(0, from))
                    .setFollow(follow)
                    .setFilter(
                        HistoryFilter.newBuilder().setAbout(about).addAllTypes(types).build())
                    .build());
    while (events.hasNext()) {
      HistoryEvent event = events.next();
      session.println(session.json() ? json(event) : line(event));
      session.out().flush();
    }
  }

  static String line(HistoryEvent event) {
    String namespace = event.getNamespace().isEmpty() ? "-" : event.getNamespace();
    return String.format(
        "%7d  %s  %-8s %-22s %s  [%s]",
        event.getSequence(),
        Times.rfc3339(event.getWallNanos()),
        namespace,
        event.getType(),
        event.getSentence(),
        event.getBy());
  }

  private static String json(HistoryEvent event) {
    Envelope envelope = EnvelopeCodec.decode(event.getEnvelope().toByteArray());
    JsonObject tree = new JsonObject();
    tree.addProperty("sequence", event.getSequence());
    tree.addProperty("time", Times.rfc3339(event.getWallNanos()));
    tree.addProperty("namespace", event.getNamespace());
    tree.addProperty("subject", event.getSubject());
    tree.addProperty("type", event.getType());
    tree.addProperty("sentence", event.getSentence());
    tree.addProperty("by", event.getBy());
    tree.addProperty("requestId", envelope.requestId());
    tree.addProperty("causedBy", envelope.causedBySequence());
    Message payload = (Message) Told.of(envelope).event().payload();
    tree.add("payload", Trees.ofObject(new PayloadJson(false).tree(payload)));
    return tree.toString();
  }
}

package dev.retainerd.store.words;

import dev.retainerd.eventlog.proto.ContainerCreateFailedPayload;
import dev.retainerd.eventlog.proto.ContainerRecord;

/** Sentences about container records. */
final class ContainerWords {

  private ContainerWords() {}

  static String creating(ContainerRecord c) {
    return container(c) + " is being created from image " + image(c);
  }

  static String created(ContainerRecord c) {
    return container(c) + " was created from image " + image(c);
  }

  static String createFailed(ContainerCreateFailedPayload p) {
    return named(p.getId()) + " could not be created" + Phrases.because(p.getReason());
  }

  static String updated(ContainerRecord c) {
    return "the record of " + container(c) + " was changed";
  }

  static String removing(String id) {
    return named(id) + " is being removed";
  }

  static String removed(String id) {
    return named(id) + " was removed";
  }

  private static String container(ContainerRecord c) {
    String name = c.getCri().getName();
    String pod = c.getCri().getSandboxId();
    return named(c.getId())
        + (name.isEmpty() ? "" : " (" + name + ", attempt " + c.getCri().getAttempt() + ")")
        + (pod.isEmpty() ? "" : " of pod " + Phrases.shortId(pod));
  }

  private static String image(ContainerRecord c) {
    String asked = c.getCri().getImageRef();
    String image = asked.isEmpty() ? c.getImage() : asked;
    return image.isEmpty() ? "none (a plain root folder)" : image;
  }

  private static String named(String id) {
    return "container " + Phrases.shortId(id);
  }
}

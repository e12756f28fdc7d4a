package dev.retainerd.runtime.network;

import dev.retainerd.runtime.error.Refusal;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Limits of a pod's traffic, in bits per second; absent means without limit.
 *
 * <p>Source: the annotations kubernetes.io/ingress-bandwidth and egress-bandwidth, whose values are
 * Kubernetes quantities between 1k and 1P.
 */
public record Bandwidth(OptionalLong ingressBitsPerSecond, OptionalLong egressBitsPerSecond) {
  private static final String INGRESS = "kubernetes.io/ingress-bandwidth";
  private static final String EGRESS = "kubernetes.io/egress-bandwidth";
  private static final Pattern QUANTITY =
      Pattern.compile("\\+?(\\d{1,20}(?:\\.\\d{0,20})?|\\.\\d{1,20})([kMGTPE]i?|Ki|m|e\\d{1,2})?");
  private static final long LEAST = 1000;
  private static final long MOST = 1_000_000_000_000_000L;

  /** Reads the two annotations; empty if neither is there. */
  public static Optional<Bandwidth> fromAnnotations(Map<String, String> annotations) {
    OptionalLong ingress = limit(annotations, INGRESS);
    OptionalLong egress = limit(annotations, EGRESS);
    return ingress.isEmpty() && egress.isEmpty()
        ? Optional.empty()
        : Optional.of(new Bandwidth(ingress, egress));
  }

  private static OptionalLong limit(Map<String, String> annotations, String name) {
    String text = annotations.get(name);
    if (text == null) {
      return OptionalLong.empty();
    }
    Matcher matcher = QUANTITY.matcher(text);
    if (matcher.matches()) {
      BigDecimal value = new BigDecimal(matcher.group(1)).multiply(factor(matcher.group(2)));
      BigDecimal whole = value.setScale(0, RoundingMode.CEILING);
      if (whole.compareTo(BigDecimal.valueOf(LEAST)) >= 0
          && whole.compareTo(BigDecimal.valueOf(MOST)) <= 0) {
        return OptionalLong.of(whole.longValueExact());
      }
    }
    throw Refusal.invalidArgument(
        "annotation " + name + " is \"" + text + "\"; give bits per second from 1k to 1P");
  }

  private static BigDecimal factor(String suffix) {
    if (suffix == null) {
      return BigDecimal.ONE;
    }
    if (suffix.equals("m")) {
      return new BigDecimal("0.001");
    }
    if (suffix.startsWith("e")) {
      return BigDecimal.TEN.pow(Integer.parseInt(suffix.substring(1)));
    }
    int power = "kMGTPE".indexOf(suffix.replace('K', 'k').charAt(0)) + 1;
    return BigDecimal.valueOf(suffix.endsWith("i") ? 1024 : 1000).pow(power);
  }
}

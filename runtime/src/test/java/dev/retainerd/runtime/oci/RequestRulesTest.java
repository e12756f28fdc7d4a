package dev.retainerd.runtime.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.ContainerConfig;
import dev.retainerd.wire.cri.v1.LinuxPodSandboxConfig;
import dev.retainerd.wire.cri.v1.LinuxSandboxSecurityContext;
import dev.retainerd.wire.cri.v1.NamespaceMode;
import dev.retainerd.wire.cri.v1.NamespaceOption;
import dev.retainerd.wire.cri.v1.PodSandboxConfig;
import dev.retainerd.wire.cri.v1.PortMapping;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class RequestRulesTest {
  private static void refused(PodSandboxConfig.Builder pod, String word) {
    Refusal refusal = assertThrows(Refusal.class, () -> RequestRules.check(pod.build()));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.sentence().contains(word), refusal::sentence);
  }

  private static void refused(ContainerConfig.Builder container, String word) {
    Refusal refusal = assertThrows(Refusal.class, () -> RequestRules.check(container.build()));
    assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    assertTrue(refusal.sentence().contains(word), refusal::sentence);
    assertTrue(refusal.sentence().length() < 500, "a sentence, not the stranger's novel");
  }

  @Test
  void aPodNeedsItsMetadata() {
    RequestRules.check(Requests.pod().build());
    refused(Requests.pod().clearMetadata(), "no metadata");
    PodSandboxConfig.Builder pod = Requests.pod();
    pod.getMetadataBuilder().clearName();
    refused(pod, "metadata.name");
    pod = Requests.pod();
    pod.getMetadataBuilder().clearNamespace();
    refused(pod, "metadata.namespace");
    pod = Requests.pod();
    pod.getMetadataBuilder().clearUid();
    refused(pod, "metadata.uid");
    pod = Requests.pod();
    pod.getMetadataBuilder().setName("a/../b");
    RequestRules.check(pod.build());
    pod.getMetadataBuilder().setName("a\nb");
    refused(pod, "control character");
    pod = Requests.pod();
    pod.getMetadataBuilder().setName("n".repeat(10_000));
    refused(pod, "10000 characters");
  }

  @Test
  void aPodsHostnameLogDirectoryAndPortsAreChecked() {
    refused(Requests.pod().setHostname("-x"), "hostname");
    refused(Requests.pod().setHostname("h".repeat(65)), "hostname");
    refused(
        Requests.pod()
            .setHostname("mine")
            .setLinux(
                LinuxPodSandboxConfig.newBuilder()
                    .setSecurityContext(
                        LinuxSandboxSecurityContext.newBuilder()
                            .setNamespaceOptions(
                                NamespaceOption.newBuilder().setNetwork(NamespaceMode.NODE)))),
        "hostname");
    refused(Requests.pod().setLogDirectory("logs"), "relative");
    refused(
        Requests.pod().addPortMappings(PortMapping.newBuilder().setHostPort(70000)), "host_port");
    refused(
        Requests.pod().addPortMappings(PortMapping.newBuilder().setContainerPort(-1)),
        "container_port");
  }

  @Test
  void aContainerNeedsANameAndAnImage() {
    RequestRules.check(Requests.container("x").build());
    refused(Requests.container("x").clearMetadata(), "no metadata");
    refused(Requests.container("x").clearImage(), "names no image");
    refused(Requests.container("x").setLogPath("../../etc/passwd"), "climbs");
    refused(Requests.container("x").putAnnotations("a", "x".repeat(1 << 21)), "annotations");
    ContainerConfig.Builder container = Requests.container("x");
    container.getMetadataBuilder().setName("n\n".repeat(5_000));
    refused(container, "10000");
  }

  @Test
  void identifiersAreThoseOfContainerd() {
    for (String id : List.of("a", "A-1", "a.b_c-d", "0", "a".repeat(76))) {
      assertEquals(id, Identifiers.check("id", id));
    }
    for (String id :
        List.of("", ".", "..", "a..b", "-a", "a-", "a/b", "a b", "ä", "a\n", "a".repeat(77))) {
      Refusal refusal = assertThrows(Refusal.class, () -> Identifiers.check("id", id), id);
      assertEquals(Refusal.Code.INVALID_ARGUMENT, refusal.code());
    }
  }

  @Property
  void anAcceptedIdentifierIsASafeFileName(
      @ForAll @StringLength(max = 80) @CharRange(from = '+', to = 'z') String id) {
    try {
      Identifiers.check("id", id);
    } catch (Refusal refusal) {
      return;
    }
    assertTrue(id.length() <= 76 && !id.contains("/") && !id.startsWith(".") && !id.isEmpty());
  }
}

package dev.retainerd.runtime.ctl.image;

import dev.retainerd.runtime.ctl.command.Verb;
import dev.retainerd.wire.containerd.types.transfer.OCIRegistry;
import dev.retainerd.wire.containerd.types.transfer.RegistryResolver;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** A verb that speaks with a registry. */
abstract class RegistryVerb extends Verb {
  @Option(names = "--plain-http", description = "allow connections using plain HTTP")
  boolean plainHttp;

  @Option(
      names = {"-u", "--user"},
      defaultValue = "",
      paramLabel = "USER[:PASSWORD]",
      description = "registry user and password")
  String user;

  @Option(
      names = "--hosts-dir",
      paramLabel = "DIR",
      description = "folder with a hosts.toml for each registry")
  Path hostsFolder;

  OCIRegistry registry(String reference, Optional<DaemonTransfer.Pipe> credentials) {
    RegistryResolver.Builder resolver = RegistryResolver.newBuilder();
    credentials.ifPresent(pipe -> resolver.setAuthStream(pipe.id));
    if (plainHttp) {
      resolver.setDefaultScheme("http");
    }
    if (hostsFolder != null) {
      resolver.setHostDir(hostsFolder.toAbsolutePath().toString());
    }
    return OCIRegistry.newBuilder().setReference(reference).setResolver(resolver).build();
  }

  Optional<DaemonTransfer.Pipe> credentials(DaemonTransfer transfer) throws InterruptedException {
    return user.isEmpty() ? Optional.empty() : Optional.of(transfer.credentials(user));
  }
}

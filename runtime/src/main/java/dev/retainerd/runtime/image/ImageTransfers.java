package dev.retainerd.runtime.image;

import dev.retainerd.eventlog.proto.Descriptor;
import dev.retainerd.eventlog.proto.ImageRecord;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.runtime.registry.Credentials;
import dev.retainerd.runtime.registry.Reference;
import dev.retainerd.runtime.registry.RegistryClients;
import dev.retainerd.runtime.registry.RegistryHosts;
import dev.retainerd.runtime.registry.Repository;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Moves images for containerd's clients: between a namespace and registries or archives.
 * Thread-safe. What a broken transfer has fetched stays for the next one, as long as the caller's
 * lease holds it.
 */
public final class ImageTransfers {

  /** What it works with. */
  record Parts(
      ImageRecords records,
      ContentService content,
      ImageDocuments documents,
      Unpackers unpackers,
      Puller puller,
      GarbageCollector garbage,
      RegistryClients clients,
      ImageService.Settings settings) {}

  /**
   * A registry, and how to speak to it.
   *
   * @param reference as it stands, host and all
   * @param hostsFolder a folder with a hosts.toml for each registry; empty for the daemon's own
   * @param plainHttp whether to speak without TLS where no hosts.toml says otherwise
   */
  public record Registry(
      String reference, Optional<Path> hostsFolder, boolean plainHttp, Credentials credentials) {}

  private final Parts parts;
  private final Pusher pusher;

  ImageTransfers(Parts parts) {
    this.parts = parts;
    this.pusher = new Pusher(parts.content(), parts.documents());
  }

  private Repository open(Registry registry) {
    RegistryHosts hosts =
        registry
            .hostsFolder()
            .map(folder -> RegistryHosts.of(List.of(folder)))
            .orElse(parts.settings().hosts());
    return Repository.open(
        parts.clients(),
        registry.plainHttp() ? hosts.overPlainHttp() : hosts,
        Reference.exact(registry.reference()),
        registry.credentials(),
        parts.settings().stallPatience());
  }

  /**
   * What to take of an image, and what to call it.
   *
   * @param into snapshotters to unpack to what is for this node; nothing for not at all
   */
  public record Wish(
      String name, Map<String, String> labels, PlatformChoice platforms, Set<String> into) {
    public Wish {
      labels = Map.copyOf(labels);
      into = Set.copyOf(into);
    }
  }

  /**
   * Pulls an image and names it.
   *
   * @throws Refusal as {@link ImageService#pull}; not found, where it has nothing of the platforms
   *     wanted
   */
  public ImageRecord pull(Scope scope, Registry from, Wish wish, TransferProgress progress) {
    Reference reference = Reference.exact(from.reference());
    Map<String, String> source =
        Map.of(ImageService.SOURCE_LABEL + reference.host(), reference.repository());
    try (GarbageCollector.Pause paused = parts.garbage().pause()) {
      Puller.Wish wanted = new Puller.Wish(wish.platforms(), source, unpackers(wish.into()));
      Puller.Pulled pulled = parts.puller().pull(scope, open(from), wanted, progress);
      ImageRecord record = parts.records().put(scope, wish.name(), pulled.target(), wish.labels());
      progress.tell(TransferProgress.Event.SAVED, "image", pulled.target(), 0);
      return record;
    }
  }

  /** Pushes an image of the namespace; not found where it, or a part of it, is not there. */
  public void push(Scope scope, String name, Registry to, TransferProgress progress) {
    Descriptor target = parts.records().get(scope.namespace(), name).getTarget();
    String host = Reference.exact(to.reference()).host();
    try (GarbageCollector.Pause paused = parts.garbage().pause()) {
      pusher.push(scope.namespace(), target, open(to), host, progress);
    }
  }

  private List<Unpacker> unpackers(Set<String> snapshotters) {
    return snapshotters.stream().sorted().map(parts.unpackers()::of).toList();
  }

  /**
   * The snapshotter that a client's wish to unpack is for; empty where it is not for this node:
   * another platform's files would be of no use here, and another snapshotter's client unpacks
   * itself. As with containerd, such wishes are passed over.
   *
   * @param platform empty for this node's
   * @param snapshotter "" for the usual one
   */
  public Optional<String> unpacksInto(Optional<Platform> platform, String snapshotter) {
    String name = snapshotter.isEmpty() ? parts.unpackers().usual() : snapshotter;
    return platform.map(one -> one.runsOn(Platform.host())).orElse(true)
            && parts.unpackers().has(name)
        ? Optional.of(name)
        : Optional.empty();
  }

  /** Gives an image another name, taking it from whatever has it. */
  public ImageRecord tag(Scope scope, String name, String other, Map<String, String> labels) {
    ImageRecord image = parts.records().get(scope.namespace(), name);
    return parts.records().put(scope, other, image.getTarget(), labels);
  }

  /**
   * Reads an archive and names the images in it.
   *
   * @param names how to name what the archive names by a tag alone, or not at all
   * @param platforms what to keep of it
   * @param into snapshotters to unpack to those of this node's platform
   * @throws Refusal invalid argument, where it is no archive of images; not found, where it has
   *     nothing of the platforms wanted
   */
  public List<ImageRecord> load(
      Scope scope,
      InputStream in,
      ImageArchiveReader.Naming names,
      PlatformChoice platforms,
      Set<String> into,
      TransferProgress progress) {
    try (GarbageCollector.Pause paused = parts.garbage().pause()) {
      ImageArchiveReader reader =
          new ImageArchiveReader(parts.content(), scope, platforms, progress);
      List<ImageRecord> loaded = new ArrayList<>();
      for (ImageArchiveReader.Found found : reader.read(in, names)) {
        loaded.add(parts.records().put(scope, found.name(), found.target(), Map.of()));
        if (platforms.mayTakeFor(Platform.host())) {
          unpack(scope, found.target(), into, progress);
        }
        progress.tell(TransferProgress.Event.SAVED, "image", found.target(), 0);
      }
      return loaded;
    } catch (IOException e) {
      throw Faults.of("the archive cannot be read", e);
    }
  }

  /** Nothing to do for an image of other platforms only. */
  private void unpack(Scope scope, Descriptor target, Set<String> into, TransferProgress progress) {
    if (into.isEmpty()) {
      return;
    }
    ImageFacts facts;
    try {
      facts = parts.documents().facts(scope.namespace(), target);
    } catch (Refusal e) {
      if (e.is(Refusal.Code.NOT_FOUND)) {
        return;
      }
      throw e;
    }
    if (facts.chainIds().isEmpty()) {
      return;
    }
    progress.tell(TransferProgress.Event.EXTRACTING, "image", target, 0);
    unpackers(into).forEach(unpacker -> unpacker.ensureHeld(scope, facts));
    progress.tell(TransferProgress.Event.EXTRACTED, "image", target, facts.sizeBytes());
  }

  /** Writes an OCI archive of some images, which docker can read too where it knows their kind. */
  public void save(Scope scope, List<String> names, OutputStream out, TransferProgress progress) {
    List<ImageRecord> images =
        names.stream().map(name -> parts.records().get(scope.namespace(), name)).toList();
    try (GarbageCollector.Pause paused = parts.garbage().pause()) {
      new ImageArchiveWriter(parts.content(), parts.documents(), scope.namespace(), progress)
          .write(images, out);
    } catch (IOException e) {
      throw Faults.of("the archive cannot be written", e);
    }
  }
}

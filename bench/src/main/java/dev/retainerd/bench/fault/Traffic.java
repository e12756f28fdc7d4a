package dev.retainerd.bench.fault;

import dev.retainerd.bench.client.RuntimeClient;
import dev.retainerd.bench.node.Node;
import dev.retainerd.bench.scenario.Pods;
import dev.retainerd.wire.cri.v1.ListContainersRequest;
import dev.retainerd.wire.cri.v1.ListPodSandboxRequest;
import dev.retainerd.wire.cri.v1.PodSandbox;
import dev.retainerd.wire.cri.v1.RuntimeServiceGrpc;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * What goes on while the fault lasts: pods are started and removed, two at a time, and a third
 * caller lists all the time. As with a kubelet, who works on each pod by itself, one that gets
 * stuck keeps nobody from the next. Everything that the runtime acknowledged is remembered, to be
 * held against it.
 */
final class Traffic implements AutoCloseable {
  private static final int CALLERS = 2;

  /** A life takes a tenth of a second; who has not seen its end by then goes on with another. */
  private static final long STUCK_MILLIS = 1_000;

  private static final int STUCK_MAX = 8;
  private static final int FIRST_NUMBER = 1_000;
  private static final long PAUSE_MILLIS = 50;
  private static final long LIST_MILLIS_MAX = 1_000;
  private static final long JOIN_MILLIS_MAX = 150_000;

  private final Pods pods;
  private final RuntimeClient lists;
  private final List<Thread> threads = new ArrayList<>();
  private final List<Thread> lives = new CopyOnWriteArrayList<>();
  private final AtomicInteger numbers = new AtomicInteger(FIRST_NUMBER);
  private final Set<String> started = ConcurrentHashMap.newKeySet();
  private final Set<String> removed = ConcurrentHashMap.newKeySet();
  private final Set<String> undecided = ConcurrentHashMap.newKeySet();
  private final Map<String, Integer> refusals = Collections.synchronizedMap(new TreeMap<>());
  private final Semaphore stuck = new Semaphore(STUCK_MAX);
  private final AtomicLong silentNanos = new AtomicLong();
  private final AtomicLong answeredAt = new AtomicLong();
  private volatile boolean ending;

  Traffic(Node node) {
    pods = new Pods(node, "traffic");
    lists = node.connect();
  }

  void begin() {
    answeredAt.set(System.nanoTime());
    for (int i = 0; i < CALLERS; i++) {
      threads.add(Thread.ofVirtual().start(this::startAndRemove));
    }
    threads.add(Thread.ofVirtual().start(this::list));
  }

  /** One pod after the other, or beside those that are stuck. */
  private void startAndRemove() {
    try {
      while (!ending) {
        Thread life = Thread.ofVirtual().start(this::live);
        if (!life.join(Duration.ofMillis(STUCK_MILLIS))) {
          if (stuck.tryAcquire()) {
            Thread.ofVirtual().start(() -> awaitStuck(life));
            lives.add(life);
          } else {
            life.join();
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitStuck(Thread life) {
    try {
      life.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      stuck.release();
    }
  }

  private void live() {
    String pod = "";
    try {
      pod = pods.sleeping(numbers.getAndIncrement(), started::add);
      undecided.add(pod);
      pods.end(pod);
      undecided.remove(pod);
      removed.add(pod);
    } catch (StatusRuntimeException | IllegalStateException e) {
      String why =
          e instanceof StatusRuntimeException status
              ? status.getStatus().getCode().toString()
              : "no log folder";
      refusals.merge(why, 1, Integer::sum);
      pause();
      pods.client().connectAnew();
    }
  }

  private void list() {
    while (!ending) {
      try {
        RuntimeServiceGrpc.newBlockingStub(lists.channel())
            .withDeadlineAfter(LIST_MILLIS_MAX, TimeUnit.MILLISECONDS)
            .listContainers(ListContainersRequest.getDefaultInstance());
        long now = System.nanoTime();
        long silence = now - answeredAt.getAndSet(now);
        silentNanos.accumulateAndGet(silence, Math::max);
        Thread.sleep(5);
      } catch (StatusRuntimeException e) {
        // The silence grows until the next answer.
        pause();
        lists.connectAnew();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Longest time between two answers of a list. */
  double silentMillis() {
    return Math.max(silentNanos.get(), System.nanoTime() - answeredAt.get()) / 1e6;
  }

  /** Pods that went through their whole life so far. */
  int cycles() {
    return removed.size();
  }

  /** Calls that failed, by the status they failed with. */
  String refusals() {
    return refusals.entrySet().stream()
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }

  /** Ends the callers; the calls under way are waited for. */
  void end() throws InterruptedException {
    ending = true;
    for (Thread thread : threads) {
      thread.join(JOIN_MILLIS_MAX);
    }
    for (Thread life : lives) {
      life.join(JOIN_MILLIS_MAX);
    }
  }

  /** What was acknowledged and is not so. */
  List<String> audit() {
    Set<String> listed =
        pods
            .client()
            .cri()
            .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
            .getItemsList()
            .stream()
            .map(PodSandbox::getId)
            .collect(Collectors.toSet());
    List<String> lost = new ArrayList<>();
    long gone =
        started.stream()
            .filter(pod -> !removed.contains(pod) && !undecided.contains(pod))
            .filter(pod -> !listed.contains(pod))
            .count();
    long back = removed.stream().filter(listed::contains).count();
    if (gone > 0) {
      lost.add(gone + " pods whose start was acknowledged are not listed");
    }
    if (back > 0) {
      lost.add(back + " pods whose removal was acknowledged are listed");
    }
    return lost;
  }

  @Override
  public void close() {
    ending = true;
    pods.close();
    lists.close();
  }
}

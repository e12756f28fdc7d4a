package dev.retainerd.runtime.containerd;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.retainerd.eventlog.proto.Opaque;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.containerd.types.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What all tasks of a sandbox take together: processes, processor time and memory, in the message
 * of the cgroup version in use. Limits and the many finer numbers are left out: those of several
 * cgroups have no sum that means anything.
 */
final class SandboxMetrics {
  private SandboxMetrics() {}

  /** The sum, without data where there is no task. */
  static Metric sum(String sandbox, List<Opaque> tasks) {
    Metric.Builder metric =
        Metric.newBuilder()
            .setTimestamp(Translation.timestamp(Translation.nowNanos()))
            .setId(sandbox);
    first(tasks).ifPresent(metric::setData);
    return metric.build();
  }

  private static Optional<Any> first(List<Opaque> tasks) {
    var v1 = dev.retainerd.wire.containerd.cgroups.v1.Metrics.getDefaultInstance();
    var v2 = dev.retainerd.wire.containerd.cgroups.v2.Metrics.getDefaultInstance();
    var ofV1 = parsed(tasks, v1);
    if (!ofV1.isEmpty()) {
      return Optional.of(Translation.packed(sumV1(ofV1)));
    }
    var ofV2 = parsed(tasks, v2);
    return ofV2.isEmpty() ? Optional.empty() : Optional.of(Translation.packed(sumV2(ofV2)));
  }

  private static <M extends Message> List<M> parsed(List<Opaque> tasks, M kind) {
    String name = kind.getDescriptorForType().getFullName();
    List<M> found = new ArrayList<>();
    for (Opaque task : tasks) {
      String type = task.getTypeUrl();
      if (type.substring(type.lastIndexOf('/') + 1).equals(name)) {
        try {
          @SuppressWarnings("unchecked")
          M one = (M) kind.getParserForType().parseFrom(task.getValue());
          found.add(one);
        } catch (InvalidProtocolBufferException e) {
          throw Refusal.internal("the metrics of a task cannot be read", e);
        }
      }
    }
    return found;
  }

  private static dev.retainerd.wire.containerd.cgroups.v1.Metrics sumV1(
      List<dev.retainerd.wire.containerd.cgroups.v1.Metrics> all) {
    var sum = dev.retainerd.wire.containerd.cgroups.v1.Metrics.newBuilder();
    var cpu = sum.getCpuBuilder().getUsageBuilder();
    var memory = sum.getMemoryBuilder();
    for (var one : all) {
      sum.getPidsBuilder().setCurrent(sum.getPids().getCurrent() + one.getPids().getCurrent());
      var used = one.getCpu().getUsage();
      cpu.setTotal(cpu.getTotal() + used.getTotal())
          .setKernel(cpu.getKernel() + used.getKernel())
          .setUser(cpu.getUser() + used.getUser());
      memory
          .setCache(memory.getCache() + one.getMemory().getCache())
          .setRss(memory.getRss() + one.getMemory().getRss());
      var usage = memory.getUsageBuilder();
      usage.setUsage(usage.getUsage() + one.getMemory().getUsage().getUsage());
    }
    return sum.build();
  }

  private static dev.retainerd.wire.containerd.cgroups.v2.Metrics sumV2(
      List<dev.retainerd.wire.containerd.cgroups.v2.Metrics> all) {
    var sum = dev.retainerd.wire.containerd.cgroups.v2.Metrics.newBuilder();
    var cpu = sum.getCpuBuilder();
    var memory = sum.getMemoryBuilder();
    for (var one : all) {
      sum.getPidsBuilder().setCurrent(sum.getPids().getCurrent() + one.getPids().getCurrent());
      cpu.setUsageUsec(cpu.getUsageUsec() + one.getCpu().getUsageUsec())
          .setUserUsec(cpu.getUserUsec() + one.getCpu().getUserUsec())
          .setSystemUsec(cpu.getSystemUsec() + one.getCpu().getSystemUsec());
      memory
          .setAnon(memory.getAnon() + one.getMemory().getAnon())
          .setFile(memory.getFile() + one.getMemory().getFile())
          .setUsage(memory.getUsage() + one.getMemory().getUsage());
    }
    return sum.build();
  }
}

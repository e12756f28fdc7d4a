package dev.retainerd.shim.container;

import dev.retainerd.shim.output.EventLoop;
import dev.retainerd.shim.output.Undelivered;
import dev.retainerd.shim.process.Reaper;
import java.time.Duration;

/** What all containers of one shim share. */
record Shared(
    EventLoop loop,
    Reaper reaper,
    Keepers keepers,
    Undelivered undelivered,
    ExitJournal journal,
    Announcer announcer,
    String bootId,
    Duration runtimePatience) {}

package dev.retainerd.eventlog.chronicle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.retainerd.eventlog.LogOptions;
import dev.retainerd.eventlog.files.LogCursor;
import dev.retainerd.eventlog.files.LogEntry;
import dev.retainerd.eventlog.files.LogFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A writer that appends, and ends, at the moment in which a reader has come to the end. */
class ReaderAtAClosingLogTest {
  @TempDir Path dir;

  /** They are behind the end that was seen, and before the seal that is seen now. */
  @Test
  void whatCameBeforeTheSealIsReadAndNotMissed() throws Exception {
    LogOptions options = ArchivedLogTest.options(dir);
    ChronicleEventLog writer = ChronicleEventLog.open(options);
    writer.append(Drafts.batch(1, 10, 300));
    writer.force();
    LogFolder folder = new LogFolder(options.directory());
    int[] asked = {0};
    LogCursor.Generations generations =
        () -> {
          asked[0]++;
          if (asked[0] == 2) {
            writer.append(Drafts.batch(11, 10, 300));
            writer.force();
            writer.close();
          }
          return folder.generations(new ArrayList<>());
        };
    try (LogCursor cursor = new LogCursor(generations, 1, true)) {
      for (long sequence = 1; sequence <= 20; sequence++) {
        Optional<LogEntry> entry = cursor.next();
        assertTrue(entry.orElseThrow() instanceof LogEntry.Good, entry::toString);
        assertEquals(sequence, ((LogEntry.Good) entry.get()).envelope().sequence());
      }
      assertEquals(Optional.empty(), cursor.next());
      assertTrue(asked[0] >= 2);
    }
  }
}

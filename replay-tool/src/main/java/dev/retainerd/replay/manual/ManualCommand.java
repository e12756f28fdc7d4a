package dev.retainerd.replay.manual;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes man pages and the shells' completion; ./build calls it. */
@Command(
    name = "manual",
    hidden = true,
    description = "write man pages and completion for bash and zsh into a folder like /usr/share")
public final class ManualCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "FOLDER", description = "such as dist/share")
  Path folder;

  @Option(names = "--for-version", paramLabel = "VERSION", description = "what stands in the pages")
  String version = "";

  @Override
  public Integer call() throws IOException {
    CommandLine line = spec.parent().commandLine();
    Path pages = Files.createDirectories(folder.resolve("man/man1"));
    List<CommandLine> commands = new ArrayList<>(List.of(line));
    line.getSubcommands().values().stream()
        .filter(sub -> !sub.getCommandSpec().usageMessage().hidden())
        .forEach(commands::add);
    for (CommandLine command : commands) {
      Files.writeString(pages.resolve(ManPage.fileName(command)), ManPage.of(command, version));
    }
    Path completions = Files.createDirectories(folder.resolve("bash-completion/completions"));
    Files.writeString(
        completions.resolve(line.getCommandName()), AutoComplete.bash(line.getCommandName(), line));
    return 0;
  }
}

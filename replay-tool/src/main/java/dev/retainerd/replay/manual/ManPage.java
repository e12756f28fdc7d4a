package dev.retainerd.replay.manual;

import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** A command's page in roff, with the macros of man(7). Pure. */
public final class ManPage {
  private static final int SECTION = 1;

  private ManPage() {}

  /** File name of the page, such as {@code rewind-verify.1}. */
  public static String fileName(CommandLine command) {
    return command.getCommandSpec().qualifiedName("-") + "." + SECTION;
  }

  /** The page. */
  public static String of(CommandLine command, String version) {
    CommandSpec spec = command.getCommandSpec();
    StringBuilder page = new StringBuilder();
    String name = spec.qualifiedName("-");
    page.append(".TH ").append(name.toUpperCase(java.util.Locale.ROOT)).append(' ');
    page.append(SECTION).append(" \"\" \"retainerd ").append(version).append("\"\n");
    String[] description = spec.usageMessage().description();
    section(page, "NAME");
    page.append(text(name)).append(" \\- ");
    page.append(text(description.length == 0 ? "" : description[0].replaceAll("[;:,]$", "")));
    page.append("\n");
    section(page, "SYNOPSIS");
    synopsis(page, command);
    section(page, "DESCRIPTION");
    paragraphs(page, description);
    subcommands(page, command);
    parameters(page, spec);
    options(page, spec);
    if (spec.usageMessage().footer().length > 0) {
      section(page, "NOTES");
      page.append(".nf\n");
      for (String line : spec.usageMessage().footer()) {
        page.append(text(line)).append('\n');
      }
      page.append(".fi\n");
    }
    section(page, "EXIT STATUS");
    page.append("0 it holds, 1 it does not hold, 2 could not look.\n");
    section(page, "SEE ALSO");
    String root = spec.root().name();
    page.append(
        spec.parent() == null
            ? "docs/forensics.md walks through one incident from symptom to proof.\n"
            : ".BR " + root + " (1)\n");
    return page.toString();
  }

  private static void section(StringBuilder page, String title) {
    page.append(".SH ").append(title).append('\n');
  }

  private static void synopsis(StringBuilder page, CommandLine command) {
    CommandSpec spec = command.getCommandSpec();
    page.append(".B ").append(text(spec.qualifiedName())).append('\n');
    if (!command.getSubcommands().isEmpty()) {
      page.append("\\fIVERB DIR\\fR [\\fIOPTION\\fR...]\n");
      return;
    }
    for (PositionalParamSpec parameter : spec.positionalParameters()) {
      page.append("\\fI").append(text(parameter.paramLabel())).append("\\fR\n");
    }
    for (OptionSpec option : spec.options()) {
      if (option.required()) {
        page.append("\\fB").append(text(option.longestName())).append("\\fR \\fI");
        page.append(text(option.paramLabel())).append("\\fR\n");
      }
    }
    page.append("[\\fIOPTION\\fR...]\n");
  }

  private static void paragraphs(StringBuilder page, String[] lines) {
    for (String line : lines) {
      page.append(text(line)).append('\n');
    }
  }

  private static void subcommands(StringBuilder page, CommandLine command) {
    if (command.getSubcommands().isEmpty()) {
      return;
    }
    section(page, "VERBS");
    for (Map.Entry<String, CommandLine> sub : command.getSubcommands().entrySet()) {
      CommandSpec spec = sub.getValue().getCommandSpec();
      if (!spec.usageMessage().hidden()) {
        page.append(".TP\n.B ").append(text(sub.getKey())).append('\n');
        paragraphs(page, spec.usageMessage().description());
      }
    }
  }

  private static void parameters(StringBuilder page, CommandSpec spec) {
    if (spec.positionalParameters().isEmpty()) {
      return;
    }
    section(page, "ARGUMENTS");
    for (PositionalParamSpec parameter : spec.positionalParameters()) {
      page.append(".TP\n.I ").append(text(parameter.paramLabel())).append('\n');
      paragraphs(page, parameter.description());
    }
  }

  private static void options(StringBuilder page, CommandSpec spec) {
    section(page, "OPTIONS");
    for (OptionSpec option : spec.options()) {
      page.append(".TP\n");
      List<String> names = List.of(option.names());
      page.append("\\fB").append(text(String.join(", ", names))).append("\\fR");
      if (option.arity().max() > 0) {
        page.append(" \\fI").append(text(option.paramLabel())).append("\\fR");
      }
      page.append('\n');
      paragraphs(page, option.description());
    }
  }

  /** What roff would take for its own is escaped. */
  static String text(String plain) {
    String escaped = plain.replace("\\", "\\e").replace("-", "\\-");
    return escaped.startsWith(".") || escaped.startsWith("'") ? "\\&" + escaped : escaped;
  }
}

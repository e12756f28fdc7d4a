package dev.retainerd.runtime.oci;

import com.google.gson.JsonObject;
import dev.retainerd.runtime.error.Refusal;
import dev.retainerd.wire.cri.v1.LinuxContainerSecurityContext;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The numbers a container's process runs under.
 *
 * <p>The user is the request's name or number, else the image's, else root. A name must be in the
 * container's /etc/passwd; a number need not be, and has group 0 then. With the policy Merge the
 * groups that /etc/group gives the user are added to the request's; with Strict they are not.
 *
 * @param groups all groups of the process, its main one included
 */
public record ProcessUser(long uid, long gid, SortedSet<Long> groups) {
  /** OCI runtimes take no larger one. */
  private static final long LARGEST_ID = Integer.MAX_VALUE;

  /** A line of /etc/passwd. */
  private record Account(String name, long uid, long gid) {}

  /** A line of /etc/group. */
  private record Group(String name, long gid, List<String> members) {}

  /** The two files, read at most once each. */
  private static final class Accounts {
    private final AccountFiles files;
    private List<Account> accounts;
    private List<Group> groups;

    Accounts(AccountFiles files) {
      this.files = files;
    }

    Optional<Account> named(String name) {
      return all().stream().filter(account -> account.name().equals(name)).findFirst();
    }

    Optional<Account> numbered(long uid) {
      return all().stream().filter(account -> account.uid() == uid).findFirst();
    }

    private List<Account> all() {
      if (accounts == null) {
        accounts =
            lines(AccountFiles.PASSWD).stream()
                .filter(field -> field.length >= 4 && isId(field[2]) && isId(field[3]))
                .map(field -> new Account(field[0], id(field[2]), id(field[3])))
                .toList();
      }
      return accounts;
    }

    List<Group> groups() {
      if (groups == null) {
        groups =
            lines(AccountFiles.GROUP).stream()
                .filter(field -> field.length >= 3 && isId(field[2]))
                .map(field -> new Group(field[0], id(field[2]), members(field)))
                .toList();
      }
      return groups;
    }

    private static List<String> members(String[] field) {
      return field.length < 4 ? List.of() : Arrays.asList(field[3].split(","));
    }

    private List<String[]> lines(String file) {
      return files.text(file).stream()
          .flatMap(String::lines)
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .map(line -> line.split(":", -1))
          .toList();
    }
  }

  /** The user of a CRI container. */
  static ProcessUser ofContainer(
      LinuxContainerSecurityContext security, ImageDefaults image, AccountFiles files) {
    String user = security.getRunAsUsername();
    if (user.isEmpty() && security.hasRunAsUser()) {
      user = Long.toString(security.getRunAsUser().getValue());
    }
    if (security.hasRunAsGroup()) {
      if (user.isEmpty()) {
        throw Refusal.invalidArgument("run_as_group is set without a user; set run_as_user too");
      }
      user += ":" + security.getRunAsGroup().getValue();
    }
    boolean merge =
        switch (security.getSupplementalGroupsPolicy()) {
          case Merge -> true;
          case Strict -> false;
          case UNRECOGNIZED ->
              throw Refusal.invalidArgument(
                  "there is no supplemental groups policy "
                      + security.getSupplementalGroupsPolicyValue()
                      + "; use Merge or Strict");
        };
    String spelled = user.isEmpty() ? image.user() : user;
    return resolve(spelled, merge, security.getSupplementalGroupsList(), files);
  }

  /**
   * A user as a Dockerfile or a client spells it.
   *
   * @param spelled USER, UID, USER:GROUP, UID:GID or a mix; "" for root
   * @param merge whether /etc/group's groups of the user are added
   * @param supplemental groups to add in any case
   * @throws Refusal INVALID_ARGUMENT for a number that is none, FAILED_PRECONDITION for a name that
   *     is not in the container's files
   */
  public static ProcessUser resolve(
      String spelled, boolean merge, List<Long> supplemental, AccountFiles files) {
    String[] parts = spelled.isEmpty() ? new String[] {"0"} : spelled.split(":", -1);
    if (parts.length > 2 || parts[0].isEmpty()) {
      throw Refusal.invalidArgument(
          "the user " + Identifiers.shortened(spelled) + " is not of the form USER[:GROUP]");
    }
    Accounts accounts = new Accounts(files);
    Optional<Account> account;
    long uid;
    if (isNumber(parts[0])) {
      uid = inRange("user", parts[0]);
      account = accounts.numbered(uid);
    } else {
      account = accounts.named(parts[0]);
      uid = account.map(Account::uid).orElseThrow(() -> unknown("user", parts[0], "passwd"));
    }
    boolean grouped = parts.length == 2 && !parts[1].isEmpty();
    long gid = grouped ? group(parts[1], accounts) : account.map(Account::gid).orElse(0L);
    SortedSet<Long> groups = new TreeSet<>(supplemental);
    groups.forEach(id -> inRange("supplemental group", Long.toString(id)));
    groups.add(gid);
    if (merge) {
      account.ifPresent(found -> groups.addAll(memberships(found.name(), accounts)));
    }
    return new ProcessUser(uid, gid, groups);
  }

  private static long group(String spelled, Accounts accounts) {
    if (isNumber(spelled)) {
      return inRange("group", spelled);
    }
    return accounts.groups().stream()
        .filter(group -> group.name().equals(spelled))
        .map(Group::gid)
        .findFirst()
        .orElseThrow(() -> unknown("group", spelled, "group"));
  }

  private static List<Long> memberships(String user, Accounts accounts) {
    return accounts.groups().stream()
        .filter(group -> !group.name().equals(user) && group.members().contains(user))
        .map(Group::gid)
        .toList();
  }

  private static Refusal unknown(String what, String name, String file) {
    return Refusal.failedPrecondition(
        "there is no %s %s in the container's /etc/%s; give a number"
            .formatted(what, Identifiers.shortened(name), file));
  }

  private static boolean isNumber(String text) {
    return text.matches("[+-]?[0-9]+");
  }

  private static boolean isId(String text) {
    return text.matches("[0-9]{1,10}");
  }

  private static long id(String text) {
    return Long.parseLong(text);
  }

  private static long inRange(String what, String text) {
    boolean fits = text.length() <= 12;
    long id = fits ? Long.parseLong(text) : -1;
    if (id < 0 || id > LARGEST_ID) {
      throw Refusal.invalidArgument(
          "the %s id %s is not from 0 to %d"
              .formatted(what, Identifiers.shortened(text), LARGEST_ID));
    }
    return id;
  }

  JsonObject toJson() {
    return JsonTree.object("uid", uid, "gid", gid, "additionalGids", groups);
  }
}

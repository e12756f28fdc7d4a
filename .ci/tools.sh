# What ./build, ./check and ./quickstart share: finding a JDK and Maven, and installing what a
# machine lacks. Sourced by bash, never run. Each function prints one sentence when it gives up.

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The wanted feature release; a JDK that is newer does as well.
JDK_FEATURE=25

# jdk_feature HOME: prints the feature release of the JDK in HOME, or nothing when it is none.
jdk_feature() {
  [ -x "$1/bin/javac" ] && [ -x "$1/bin/jlink" ] && [ -r "$1/release" ] || return 0
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

# The first JDK >= JDK_FEATURE of JAVA_HOME and /usr/lib/jvm; prefers the release asked for.
jdk_home() {
  local home feature newer=
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -n "$home" ] && [ -d "$home" ] || continue
    feature=$(jdk_feature "$home")
    [ -n "$feature" ] || continue
    if [ "$feature" -eq "$JDK_FEATURE" ]; then say "$home"; return; fi
    if [ "$feature" -gt "$JDK_FEATURE" ] && [ -z "$newer" ]; then newer=$home; fi
  done
  [ -z "$newer" ] || say "$newer"
}

# apt_install PACKAGE...: installs what is not there yet and says so. Needs root.
APT_UPDATED=
apt_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "apt-get is not here; install ${missing[*]} by hand and call again"
  [ "$(id -u)" = 0 ] || die "${missing[*]} is missing; run: sudo apt-get install ${missing[*]}"
  say "installing ${missing[*]} with apt-get"
  if [ -z "$APT_UPDATED" ]; then
    apt-get -qq update </dev/null >/dev/null || say "apt-get update failed; trying with the lists at hand"
    APT_UPDATED=yes
  fi
  # What is installed for its programs is not to serve: Debian's packages ask this file before they start anything.
  local policy=/usr/sbin/policy-rc.d ours= failed=
  if ! [ -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 0755 "$policy" && ours=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" \
    </dev/null >/dev/null || failed=yes
  [ -z "$ours" ] || rm -f "$policy"
  [ -z "$failed" ]
}

# Sets and exports JAVA_HOME, and makes sure that mvn is here.
need_jdk_and_maven() {
  local home
  home=$(jdk_home)
  if [ -z "$home" ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt_install "openjdk-$JDK_FEATURE-jdk-headless" || true
    home=$(jdk_home)
  fi
  [ -n "$home" ] || die "no JDK >= $JDK_FEATURE in JAVA_HOME or /usr/lib/jvm, and apt has no\
 openjdk-$JDK_FEATURE-jdk-headless for us: install a JDK $JDK_FEATURE and point JAVA_HOME at it"
  export JAVA_HOME=$home
  command -v mvn >/dev/null || apt_install maven || die "Maven could not be installed: put mvn on the PATH"
  unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
  # Maven's own libraries reach into the JDK; their warnings would drown ours.
  export MAVEN_OPTS="${MAVEN_OPTS:-} --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"
}

# maven ARGUMENT...: Maven without colours and without asking; its exit status is Maven's.
maven() { (set -o pipefail && mvn -B -Dstyle.color=never "$@" </dev/null 2>&1 | sed 's/\x1b\[[0-9;]*m//g'); }

is_static() { # FILE: true when it is a program that needs no shared library.
  [ -x "$1" ] && ! ldd "$1" 2>/dev/null | grep -q '=>'
}

# A statically linked busybox, whose path is printed. Debian's busybox and busybox-static exclude
# each other, so where the other one is installed ours is only unpacked, into FOLDER.
static_busybox() { # FOLDER
  local folder=$1 candidate
  for candidate in /bin/busybox /usr/bin/busybox "$folder/bin/busybox" "$folder/usr/bin/busybox"; do
    if is_static "$candidate"; then say "$candidate"; return; fi
  done
  if ! [ -e /bin/busybox ]; then
    apt_install busybox-static >&2
    if is_static /bin/busybox; then say /bin/busybox; return; fi
  fi
  say "unpacking busybox-static beside the installed busybox" >&2
  mkdir -p "$folder"
  (cd "$folder" && { apt-get -qq update || true; } >/dev/null 2>&1 </dev/null \
    && apt-get -qq download busybox-static </dev/null >/dev/null 2>&1 \
    && dpkg-deb -x busybox-static_*.deb . && rm -f busybox-static_*.deb)
  for candidate in "$folder/bin/busybox" "$folder/usr/bin/busybox"; do
    if is_static "$candidate"; then say "$candidate"; return; fi
  done
  die "no statically linked busybox: install Debian's busybox-static"
}

# What real containers need on the host, by command rather than by package: a host may have a
# newer runc or a containerd of another origin, and those are as good.
need_container_tools() {
  local wanted=()
  command -v runc >/dev/null || wanted+=(runc)
  command -v ctr >/dev/null && command -v containerd >/dev/null || wanted+=(containerd)
  [ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || wanted+=(containernetworking-plugins)
  command -v catatonit >/dev/null || [ -x /usr/libexec/podman/catatonit ] || wanted+=(catatonit)
  command -v docker-registry >/dev/null || wanted+=(docker-registry)
  command -v ip >/dev/null || wanted+=(iproute2)
  command -v iptables >/dev/null || wanted+=(iptables)
  [ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}" || die "apt-get could not install ${wanted[*]}"
}

# What the tests want beyond that: they look at system calls, try specs on a second runtime, compare
# pulls, open exported pages in a browser, and check evidence by another program.
need_test_tools() {
  local wanted=()
  command -v strace >/dev/null || wanted+=(strace)
  command -v crun >/dev/null || wanted+=(crun)
  command -v criu >/dev/null || wanted+=(criu)
  [ -x /usr/sbin/nginx ] || wanted+=(nginx-light)
  command -v chromium >/dev/null || wanted+=(chromium)
  command -v python3 >/dev/null || wanted+=(python3)
  command -v openssl >/dev/null || wanted+=(openssl)
  [ -z "${SOAK:-}" ] || command -v skopeo >/dev/null || wanted+=(skopeo)
  [ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}" || die "apt-get could not install ${wanted[*]}"
}

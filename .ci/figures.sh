#!/usr/bin/env bash
# Measures the event log and the store with JMH, beside what the disk itself gives. Minutes; alone on the machine.
#   .ci/figures.sh                    everything
#   .ci/figures.sh 'DurableAppends'   benchmarks whose name matches
#   FIGURES_DIR=/var/lib/x            the disk to measure (default: the folder for temporary files)
set -euo pipefail
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
. .ci/tools.sh

need_jdk_and_maven
maven -q -pl runtime -am test-compile \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
  -DincludeScope=test -Dmdep.outputFile=target/figures.classpath || die "Maven failed; its messages are above"
flags=$(sed -n 's:.*<jvm.flags>\(.*\)</jvm.flags>.*:\1:p' pom.xml)
exec "$JAVA_HOME/bin/java" -cp "runtime/target/test-classes:runtime/target/classes:$(cat runtime/target/figures.classpath)" \
  org.openjdk.jmh.Main -foe true -jvmArgsAppend "$flags -XX:+UseSerialGC -Xmx2g -Dfigures.dir=${FIGURES_DIR:-${TMPDIR:-/tmp}}" \
  "${@:-dev.retainerd.runtime.figures}"

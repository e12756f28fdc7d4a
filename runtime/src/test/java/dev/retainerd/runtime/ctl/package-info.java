/** Holds the tests of retainctl; those on a real containerd need root. Read RetainctlMainTest. */
package dev.retainerd.runtime.ctl;

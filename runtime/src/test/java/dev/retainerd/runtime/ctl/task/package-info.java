/** Holds the tests of the package of this name. */
package dev.retainerd.runtime.ctl.task;

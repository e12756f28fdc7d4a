/**
 * Owns how CRI (runtime.v1) is answered: requests become calls of services, state becomes CRI's
 * messages.
 *
 * <p>Must not keep state nor do effects of its own. Read {@link
 * dev.retainerd.runtime.cri.CriRuntime} first, then {@link dev.retainerd.runtime.cri.CriViews}.
 */
package dev.retainerd.runtime.cri;

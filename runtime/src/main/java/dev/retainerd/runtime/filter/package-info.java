/**
 * Owns containerd's filter language ({@code labels."a/b"==c,name~=/^x/}) and the rule by which a
 * field mask changes labels.
 *
 * <p>It must not know any message or service: things to filter show their fields through {@link
 * dev.retainerd.runtime.filter.Fields}.
 *
 * <p>Read {@link dev.retainerd.runtime.filter.Filter} first: it holds the grammar.
 */
package dev.retainerd.runtime.filter;

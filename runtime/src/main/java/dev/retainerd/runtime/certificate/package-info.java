/**
 * Whose certificates are believed, from PEM files to what TLS wants. Reads files, opens no
 * connection, and knows no configuration. Read {@code Authorities} first.
 */
package dev.retainerd.runtime.certificate;

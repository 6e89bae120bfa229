/* tls_text.h - what is wrong with a certificate, in words for people */
#ifndef IO_TLS_TEXT_H
#define IO_TLS_TEXT_H

/* error: an X509_V_ERR_ code of OpenSSL.  New string, NULL if there is nothing
 * to say (code 0) or no memory. */
char *tls_text(const char *host, long error);

#endif

/* selfsign.h - a certificate of our own making, in memory alone */
#ifndef HOST_SELFSIGN_H
#define HOST_SELFSIGN_H

/* Both as files without a name: "/proc/self/fd/N". */
struct selfsign { int cert_fd, key_fd; char cert_path[32], key_path[32]; };

/* name: the address or host name that clients will use.  0 or -errno. */
int selfsign_open(struct selfsign *s, const char *name);
void selfsign_close(struct selfsign *s);        /* a zeroed one is fine */

#endif

/* sockaddr.h - socket addresses, for all transports; any thread */
#ifndef RTC_SOCKADDR_H
#define RTC_SOCKADDR_H
#include <stdint.h>
#include <sys/socket.h>

/* ip: "192.0.2.1" or "2001:db8::1".  -EINVAL. */
int sockaddr_parse(struct sockaddr_storage *out, socklen_t *len, const char *ip, uint16_t port);
/* The address from which this machine would send to another one today; its
 * length, 0: no way there.  Sends nothing. */
socklen_t sockaddr_source(struct sockaddr_storage *out, const struct sockaddr_storage *to, socklen_t len);

#endif

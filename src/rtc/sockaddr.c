/* sockaddr.c - socket addresses; see the header */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "rtc/sockaddr.h"

int sockaddr_parse(struct sockaddr_storage *out, socklen_t *len, const char *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*len = sizeof(*v6);
	return 0;
}

socklen_t sockaddr_source(struct sockaddr_storage *out, const struct sockaddr_storage *to, socklen_t len)
{
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t out_len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return 0;
	/* Connecting a datagram socket sends nothing. */
	if (connect(fd, (const struct sockaddr *)to, len) ||
	    getsockname(fd, (struct sockaddr *)out, &out_len))
		out_len = 0;
	close(fd);
	return out_len;
}

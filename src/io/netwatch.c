/* netwatch.c - changes of the network, and sleep
 *
 *	netlink says something -> 300 ms for the rest of it -> the picture is drawn
 *	anew -> it differs -> told
 *
 * The picture is a hash over all addresses that a call could use and over the
 * two that the default routes would take, which is asked for by connecting a
 * datagram socket to a documentation address: that sends nothing.
 *
 * CLOCK_BOOTTIME counts a machine's sleep, CLOCK_MONOTONIC does not.  A timer
 * of 5 s, which a sleeping machine runs when it wakes, compares the two.
 */
#include "io/netwatch.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"

enum {
	SETTLE_US = 300000,
	SLEEP_TICK_US = 5000000,
	SLEPT_MIN_US = 3000000,         /* less is no sleep, or none that a call notices */
	READS = 64
};

struct netwatch {
	netwatch_fn *changed;
	void *ctx;
	int fd;                         /* -1: no rtnetlink */
	struct loop_watch *watch;
	struct loop_timer *settle, *sleep;
	uint64_t picture;
	int64_t boot_us, mono_us;       /* at the last tick */
};

/* ---- the picture ---- */

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
	const uint8_t *v = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ v[i]) * UINT64_C(1099511628211);       /* FNV-1a */
	return h;
}

static bool is_global(const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 16 != 0xA9FE;      /* 169.254/16 */
	return a->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

static uint64_t hash_address(const struct sockaddr *a)
{
	uint64_t h = UINT64_C(14695981039346656037);

	if (a->sa_family == AF_INET)
		return mix(h, &((const struct sockaddr_in *)a)->sin_addr, 4);
	return mix(h, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
}

/* Summed, so that their order is no matter. */
static uint64_t all_addresses(void)
{
	struct ifaddrs *list = NULL;
	uint64_t sum = 0;

	if (getifaddrs(&list))
		return 0;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_flags & IFF_UP && i->ifa_flags & IFF_RUNNING &&
		    !(i->ifa_flags & IFF_LOOPBACK) && is_global(i->ifa_addr))
			sum += hash_address(i->ifa_addr);
	freeifaddrs(list);
	return sum;
}

static uint64_t default_source(const struct sockaddr *to, socklen_t len)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t h = 0;

	if (fd < 0)
		return 0;
	if (!connect(fd, to, len) && !getsockname(fd, (struct sockaddr *)&from, &from_len))
		h = hash_address((struct sockaddr *)&from);
	close(fd);
	return h;
}

static uint64_t draw(void)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	/* RFC 5737 and RFC 3849: nobody is there. */
	inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	return all_addresses() + 3 * default_source((struct sockaddr *)&v4, sizeof(v4)) +
	       5 * default_source((struct sockaddr *)&v6, sizeof(v6));
}

static void on_settled(void *ctx, int64_t now_us)
{
	struct netwatch *w = ctx;
	uint64_t picture = draw();

	(void)now_us;
	if (picture == w->picture)
		return;
	w->picture = picture;
	log_info("io", "this machine's network changed");
	w->changed(w->ctx, 0);
}

static void on_netlink(void *ctx, int fd, GIOCondition ready)
{
	struct netwatch *w = ctx;
	char buf[8192];
	int n = 0;

	(void)ready;
	/* What is said is no matter, only that something is; what was lost, too
	 * (ENOBUFS). */
	while (n < READS && (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno == ENOBUFS))
		n++;
	loop_timer_set(w->settle, clock_now_us() + SETTLE_US);
}

/* ---- sleep ---- */

static int64_t boot_now_us(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t))
		return clock_now_us();
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int64_t netwatch_slept_us(int64_t boot_before, int64_t mono_before, int64_t boot_now,
			  int64_t mono_now)
{
	int64_t slept = boot_now - boot_before - (mono_now - mono_before);

	return slept >= SLEPT_MIN_US ? slept : 0;
}

static void on_sleep_tick(void *ctx, int64_t now_us)
{
	struct netwatch *w = ctx;
	int64_t boot = boot_now_us();
	int64_t slept = netwatch_slept_us(w->boot_us, w->mono_us, boot, now_us);

	w->boot_us = boot;
	w->mono_us = now_us;
	loop_timer_set(w->sleep, now_us + SLEEP_TICK_US);
	if (!slept)
		return;
	log_info("io", "this machine slept for %.0f s", (double)slept / 1e6);
	w->picture = draw();
	w->changed(w->ctx, slept);
}

/* ---- making and freeing ---- */

static int open_netlink(struct netwatch *w, struct loop *l)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};

	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&a, sizeof(a))) {
		log_debug("io", "no news of the network: %s", strerror(errno));
		return 0;
	}
	return loop_watch_new(&w->watch, l, "network", w->fd, G_IO_IN, on_netlink, w);
}

int netwatch_new(struct netwatch **out, struct loop *l, netwatch_fn *changed, void *ctx)
{
	struct netwatch *w = calloc(1, sizeof(*w));
	int err;

	*out = NULL;
	if (!w)
		return -ENOMEM;
	w->changed = changed;
	w->ctx = ctx;
	w->fd = -1;
	err = loop_timer_new(&w->settle, l, "network", on_settled, w);
	if (!err)
		err = loop_timer_new(&w->sleep, l, "sleep", on_sleep_tick, w);
	if (!err)
		err = open_netlink(w, l);
	if (err) {
		netwatch_free(&w);
		return err;
	}
	w->picture = draw();
	w->boot_us = boot_now_us();
	w->mono_us = clock_now_us();
	loop_timer_set(w->sleep, w->mono_us + SLEEP_TICK_US);
	*out = w;
	return 0;
}

void netwatch_free(struct netwatch **ww)
{
	struct netwatch *w = *ww;

	if (!w)
		return;
	loop_watch_free(&w->watch);
	loop_timer_free(&w->settle);
	loop_timer_free(&w->sleep);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	*ww = NULL;
}

/* ice_mux_priv.h - what the files of the mux share
 *
 *	ice_mux.c        the socket, the table of addresses, the queue out
 *	ice_mux_check.c  checks in and out, pairs, consent
 */
#ifndef RTC_ICE_MUX_PRIV_H
#define RTC_ICE_MUX_PRIV_H
#include <netinet/in.h>
#include <stun/stunagent.h>
#include "rtc/ice_mux.h"

enum {
	MUX_DATAGRAM = 2048,    /* longer ones are dropped */
	MUX_PAIRS = 8,          /* addresses of one peer that are remembered */
	MUX_UFRAG = 256, MUX_PWD = 256, /* RFC 8445 section 5.3 */
	MUX_CHECK = 1024,       /* a message of ours: two ufrags and 80 bytes */
};

/* IPv4 as ::ffff:0:0/96, so that one table holds both. */
struct mux_addr {
	uint8_t ip[16];
	uint32_t scope;
	uint16_t port;
};

struct mux_pair {
	struct mux_addr remote;
	uint8_t local[16];      /* where the peer reached us: answers leave from there */
	bool has_local;
	bool used;
	bool bound;             /* the table leads from remote to this endpoint */
	int64_t valid_us;       /* last answer to an own check; 0: none yet */
	int64_t heard_us;       /* last datagram from there */
	/* the check under way */
	bool checking;
	bool nominates;         /* it carries USE-CANDIDATE */
	StunTransactionId id;
	uint8_t *msg;
	size_t msg_len;
	int64_t began_us, next_us, wait_us;
};

struct mux_end {                /* one endpoint */
	struct transport base;
	struct ice_mux *mux;
	StunAgent agent;
	char ufrag[MUX_UFRAG + 1], pwd[MUX_PWD + 1];
	char remote_ufrag[MUX_UFRAG + 1], remote_pwd[MUX_PWD + 1]; /* "" until the answer */
	bool controlling;
	unsigned role_changes;
	struct mux_pair pair[MUX_PAIRS];
	int selected;           /* -1: none yet */
	enum transport_state state;
	int64_t checked_us;     /* last message with right integrity */
	int64_t consent_us;     /* last answer on the selected pair */
	int64_t next_consent_us;
	int64_t stun_second; unsigned stuns;    /* how many messages in this second */
};

struct mux_queue;

struct ice_mux {
	GMainContext *context;
	GSource *source;
	int fd;
	bool v6;                /* the socket's family */
	bool any;               /* bound to all addresses: mind where we were reached */
	uint16_t port;
	unsigned max_unknown;
	GHashTable *by_ufrag;   /* char * -> struct mux_end */
	GHashTable *by_addr;    /* struct mux_addr -> struct mux_end */
	GPtrArray *ends;
	int64_t next_us;        /* when something is due; CLOCK_NEVER */
	struct mux_queue *rx, *tx;
	size_t queued;
	uint32_t seed;          /* of the buckets' hash */
	struct { int64_t second; unsigned n; } *bucket; /* strangers' checks by address */
	void (*batch)(void *ctx);
	void *batch_ctx;
	struct ice_mux_stats stats;
};

/* ice_mux.c */
int mux_send(struct ice_mux *m, const struct mux_pair *to, const uint8_t *p, size_t len);
void mux_bind(struct mux_end *e, struct mux_pair *p);
void mux_unbind(struct mux_end *e, struct mux_pair *p);
void mux_wake(struct ice_mux *m, int64_t at_us);
bool mux_addr_same(const struct mux_addr *a, const struct mux_addr *b);
void mux_addr_to_sock(const struct mux_addr *a, bool v6, struct sockaddr_storage *out,
		      socklen_t *len);
void mux_addr_from_sock(struct mux_addr *a, const struct sockaddr_storage *in);
/* One datagram as if it had come from there; for the loop, tests and fuzzing.
 * local may be NULL. */
void mux_input(struct ice_mux *m, const uint8_t *p, size_t len, const struct mux_addr *from,
	       const uint8_t local[16], int64_t now_us);

/* ice_mux_check.c */
void mux_stun_input(struct ice_mux *m, const uint8_t *p, size_t len, const struct mux_addr *from,
		    const uint8_t local[16], int64_t now_us);
void mux_heard(struct mux_end *e, struct mux_pair *p, int64_t now_us);
struct mux_pair *mux_find_pair(struct mux_end *e, const struct mux_addr *a);
struct mux_pair *mux_send_pair(struct mux_end *e);
void mux_remote_known(struct mux_end *e, int64_t now_us);
void mux_end_tick(struct mux_end *e, int64_t now_us);
void mux_pair_drop(struct mux_end *e, struct mux_pair *p);

#endif

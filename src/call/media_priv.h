/* media_priv.h - what the files of the media thread share
 *
 *	media.c          the thread, orders to it, news of it
 *	media_session.c  one session: peer, figures
 *	media_channel.c  the data channel, between the threads
 *	media_path.c     which way its datagrams take
 *	media_return.c   from a relay back to the direct way
 *	media_relay.c    what is wrong with relays, their credentials
 *	media_servers.c  TURN servers by name
 *	media_trust.c    certificates for relays over TLS
 */
#ifndef CALL_MEDIA_PRIV_H
#define CALL_MEDIA_PRIV_H
#include <pthread.h>
#include "call/media.h"
#include "io/resolve.h"

enum { MEDIA_SERVERS = 12, MEDIA_ADDRESSES = 4 };

/* A TURN server.  No address until its name was looked up. */
struct media_server {
	char type[8], host[254], protocol[8];
	char address[MEDIA_ADDRESSES][64];
	size_t addresses;
	uint16_t port;
	char *user, *password;
};

struct media_servers {
	struct media_server v[MEDIA_SERVERS];
	size_t count;
	struct media_lookup {
		struct media_servers *s;
		size_t i;
		struct resolve_call *call;
	} lookup[MEDIA_SERVERS];
	unsigned waiting;       /* look-ups under way */
	void (*done)(void *ctx);        /* each time that one ended */
	void *ctx;
};

/* media_servers.c; any thread until media_servers_look_up(). */
void media_servers_add_services(struct media_servers *s, const struct ext_service *v, size_t n);
void media_servers_add_turn(struct media_servers *s, const char *spec);
/* Numeric ones are ready when it returns; done() is called for the others. */
void media_servers_look_up(struct media_servers *s, struct loop *l, void (*done)(void *ctx),
			   void *ctx);
/* TURN servers that can be used now; tls: those over TLS, too. */
size_t media_servers_relays(const struct media_servers *s, bool tls);
bool media_servers_want_tls(const struct media_servers *s);
/* Is a relay's credential of before (name: of that host) not among the new? */
bool media_servers_changed(const struct media_servers *before, const struct media_servers *now,
			   const char *name);
void media_servers_clear(struct media_servers *s);

/* Both halves of ICE and the bridge's candidates. */
struct media_creds {
	char *local_ufrag, *local_pwd, *remote_ufrag, *remote_pwd; /* NULL: none at all */
	struct jingle_candidate cand[JINGLE_CANDIDATES];
	size_t cands;
};
void media_creds_set(struct media_creds *k, const char *ufrag, const char *pwd,
		     const struct jingle_transport *t);
void media_creds_clear(struct media_creds *k);

/* What a session needs, owned; travels from loop to media. */
struct media_start {
	struct post_msg m;
	struct media *media;
	char *sid, *hash, *fingerprint, *cname;
	bool dtls_client, restarts;
	uint32_t ssrc;
	uint8_t pt_opus, pt_red, pt_event, ext_level, ext_tcc;
	struct media_creds creds;
	struct media_servers servers;
};
struct media_start *media_start_new(struct media *m, const struct call_media *p);

struct media {
	struct loop *loop;              /* the owner's */
	struct post *to_loop;
	struct loop_watch *watch;
	bool loopback, relay_only;
	char *turn, *ca_file;
	bool insecure;
	struct media_sink sink;
	void *sink_ctx;
	struct media_events ev;
	void *ctx;
	struct dtls_cert *cert;         /* made once, read by media */

	struct loop *own;               /* the media thread's */
	struct post *to_media;
	struct loop_watch *media_watch;
	pthread_t thread;
	bool running;

	/* media thread */
	struct loop_timer *tick, *peer_tick, *path_tick, *return_tick, *stats_tick;
	struct peer *peer;
	enum peer_state state;
	struct media_start *session;    /* what the peer was made of; NULL: none */
	struct media_creds next_creds;  /* of a restart that is under way ... */
	int64_t next_creds_us;          /* ... and since when */
	bool with_relays;               /* it has been given them */
	uint16_t channel_port;          /* a data channel is wanted; 0: none */
	int64_t started_us;
	int64_t lost_us;                /* since when it is interrupted; 0 */
	unsigned tries;                 /* for other ways since then */
	struct turn_trust *trust;       /* NULL: not there (yet) */
	pthread_t trust_thread;
	bool trust_tried, trust_loading;
	struct transport *probe;        /* looks for the direct way; NULL */
	bool probe_answered;
	int64_t return_wait_us;         /* until the next look */
	bool relay_lost;                /* the server took one back */
	bool relay_renew;               /* there are newer credentials than the way's in use */
	bool relay_renewed;             /* others came since there was sound */
	unsigned relay_refusals, relay_told;    /* since then; told: to people */
	char *relay_why;                /* what was last wrong with one; NULL */
	bool relay_why_told;
	unsigned closing;               /* transports with a relay that is given back */
	struct media_stats past;        /* counters of sessions that are over */

	pthread_mutex_t lock;           /* leaf: guards stats */
	struct media_stats stats;
};

/* media_session.c, media thread */
char *media_copy(const char *s);                /* a new string; NULL: "" */
void media_session_start(struct media *m, struct media_start *s);
void media_session_end(struct media *m);
/* A new peer.  -ENETUNREACH: there is no network; other errors were told. */
int media_session_open(struct media *m, peer_make_fn *make, void *make_ctx);
int media_session_timers(struct media *m);      /* before the thread runs */
struct post_msg *media_restart_new(struct media *m, const struct call_media_restart *p);
struct post_msg *media_services_new(struct media *m, const struct ext_service *v, size_t count);

/* media_path.c, media thread */
void media_path_begin(struct media *m);
void media_path_state(struct media *m);         /* of the peer: it has changed */
void media_path_changed(struct media *m);       /* another way is in use */
void media_path_servers(struct media *m);       /* an address became known */
void media_path_restart(struct media *m, struct media_creds *creds); /* takes what is in it */
void media_path_candidates(struct media *m, const struct media_creds *creds);
void media_path_network(struct media *m);
/* A direct agent that carries nothing.  checked: it has a way both ways. */
int media_path_probe(struct media *m, struct transport **out, void (*checked)(void *ctx), void *ctx);
int media_path_timer(struct media *m);
/* media_return.c, media thread */
void media_return_plan(struct media *m);        /* a way came into use, or is up again */
void media_return_end(struct media *m);
int media_return_timer(struct media *m);
/* media_relay.c, media thread */
void media_relay_news(void *ctx, enum relay_news news, const char *words); /* the transports' */
void media_relay_leave(struct media *m);        /* the one in use was lost */
void media_relay_servers(struct media *m, const struct media_servers *fresh); /* before it is taken */
void media_relay_renew(struct media *m);
void media_relay_up(struct media *m);           /* there is sound (again) */
/* media_channel.c, media thread */
void media_channel_begin(struct media *m);      /* a peer was made */
void media_on_channel(void *ctx, bool open, bool over, const char *why);
void media_on_text(void *ctx, const char *text, size_t len);

/* media_trust.c, media thread */
void media_trust_want(struct media *m);         /* a relay over TLS was named */
void media_trust_end(struct media *m);          /* loop thread, once the media's has ended */

/* media.c: news for the loop. */
void media_tell(struct media *m, int state, const char *why);
void media_want(struct media *m, enum call_want want, const char *why);

#endif

/* config_js.h - what a deployment's config.js says
 *
 * The file is JavaScript.  This reads the part of the language in which
 * deployments write their settings: var, string concatenation, object and
 * array literals, assignments to paths, template strings, the `subdomain`
 * rewrite, the file's own simple functions, comments; and passes over
 * everything else statement by statement.
 */
#ifndef CALL_CONFIG_JS_H
#define CALL_CONFIG_JS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "call/address.h"

struct deployment {
	char *domain, *anonymous_domain, *auth_domain, *muc, *focus;
	char *focus_user_jid;           /* NULL */
	char *websocket;                /* absolute, without ?room= ; NULL: none */
	char *bosh;                     /* NULL */
	bool bosh_only;                 /* no word of a WebSocket: the address is a guess */
	char *conference_request;       /* absolute URL; NULL: by IQ */
	char *keepalive_url;            /* NULL */
	int64_t keepalive_us;           /* websocketKeepAlive; 0: off */
	char *hidden_domain;            /* NULL */
	char *ignore_channel_domain;    /* bridgeChannel.ignoreDomain; NULL */
	char *token_auth_url;           /* NULL */
	char *region, *user_region, *shard; /* NULL */
	bool ice_restart;               /* enableIceRestart */
	int start_audio_muted;          /* N; -1 */
	bool start_with_audio_muted, start_silent;
	int64_t ping_interval_us, ping_timeout_us; /* 0: default */
	unsigned ping_threshold;
	bool no_resume;                 /* enableWebsocketResume: false */
	bool guessed;                   /* nothing was read: by naming convention */
};

/* js: the file; a: where it comes from (relative URLs are resolved, defaults
 * made).  0; -EINVAL: no config in it, *why (static) says what was found. */
int deployment_parse(struct deployment *out, const char *js, size_t len,
		     const struct address *a, const char **why);
/* n-th guess by naming convention, 0 and 1; -ENOENT beyond. */
int deployment_guess(struct deployment *out, unsigned n, const struct address *a);
void deployment_clear(struct deployment *d);

#endif

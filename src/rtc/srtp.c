/* srtp.c - packet protection by libsrtp2
 *
 * A box holds two sessions, one a direction, each with one template for any
 * SSRC: which streams there are is decided in the signalling, not here.
 *
 * libsrtp makes a state for each SSRC that authenticates and keeps it for
 * good.  A peer with the keys could so fill the memory with SSRCs.  Inbound
 * ones are therefore remembered here, and beyond STREAMS_MAX the oldest state
 * is given up.
 */
#include "rtc/srtp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "rtc/wire.h"

enum {
	/* RFC 3711 section 3.3.2 asks for at least 64.  At 50 packets/s 1024 are
	 * 20 s; at video's 1000 still one second. */
	REPLAY_WINDOW = 1024,
	STREAMS_MAX = 1024,
	KEY_MAX = 30,
	RTP_MIN = 12, RTCP_MIN = 8,
	PACKET_MAX = 65535,     /* libsrtp counts in int */
};

struct srtp_box {
	srtp_t in, out;
	uint32_t *ssrc;         /* inbound, a ring: the oldest is overwritten */
	size_t ssrcs, next, hit;
};

/* The library has state of its own for the process. */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_err;

static void start_library(void)
{
	if (srtp_init() != srtp_err_status_ok)
		library_err = -EIO;
}

static int error_of(srtp_err_status_t s)
{
	switch (s) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return -EALREADY;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail:
		return -EBADMSG;
	case srtp_err_status_alloc_fail:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

static int make_session(srtp_t *out, const struct dtls_keys *keys, bool inbound)
{
	uint8_t key[KEY_MAX];
	srtp_policy_t p;
	srtp_err_status_t s;

	memset(&p, 0, sizeof(p));
	memcpy(key, inbound ? keys->recv : keys->send, sizeof(key));
	if (keys->profile == DTLS_SRTP_GCM_128) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtcp);
	} else {
		srtp_crypto_policy_set_rtp_default(&p.rtp);
		srtp_crypto_policy_set_rtcp_default(&p.rtcp);
	}
	p.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
	p.key = key;
	p.window_size = REPLAY_WINDOW;
	/* Twice the same index with other bytes would give GCM's keys away. */
	p.allow_repeat_tx = 0;
	s = srtp_create(out, &p);
	explicit_bzero(key, sizeof(key));
	if (s != srtp_err_status_ok)
		*out = NULL;
	return error_of(s);
}

int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys)
{
	struct srtp_box *s;
	int err;

	*out = NULL;
	pthread_once(&library_once, start_library);
	if (library_err) {
		log_error("rtc", "libsrtp does not start");
		return library_err;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = make_session(&s->in, keys, true);
	if (!err)
		err = make_session(&s->out, keys, false);
	if (err) {
		srtp_box_free(&s);
		return err;
	}
	*out = s;
	return 0;
}

void srtp_box_free(struct srtp_box **s)
{
	if (!*s)
		return;
	if ((*s)->in)
		srtp_dealloc((*s)->in);
	if ((*s)->out)
		srtp_dealloc((*s)->out);
	free((*s)->ssrc);
	free(*s);
	*s = NULL;
}

static bool is_known(struct srtp_box *s, uint32_t ssrc)
{
	/* Packets of one stream come in runs. */
	if (s->hit < s->ssrcs && s->ssrc[s->hit] == ssrc)
		return true;
	for (size_t i = 0; i < s->ssrcs; i++)
		if (s->ssrc[i] == ssrc) {
			s->hit = i;
			return true;
		}
	return false;
}

/* Called once an inbound packet was right. */
static void learn(struct srtp_box *s, uint32_t ssrc)
{
	if (is_known(s, ssrc))
		return;
	if (!(s->ssrcs & (s->ssrcs - 1)) && s->ssrcs < STREAMS_MAX) {
		size_t room = s->ssrcs ? 2 * s->ssrcs : 1;
		uint32_t *v = realloc(s->ssrc, room * sizeof(*v));

		if (!v)
			return;         /* not remembered: only the bound is looser */
		s->ssrc = v;
	}
	if (s->ssrcs < STREAMS_MAX) {
		s->ssrc[s->ssrcs++] = ssrc;
		return;
	}
	srtp_remove_stream(s->in, htonl(s->ssrc[s->next]));
	s->ssrc[s->next] = ssrc;
	s->next = (s->next + 1) % STREAMS_MAX;
}

typedef srtp_err_status_t (*srtp_fn)(srtp_t session, void *p, int *len);

static int apply(srtp_fn fn, srtp_t session, uint8_t *p, size_t *len, size_t min)
{
	int n = (int)*len, err;

	if (*len < min || *len > PACKET_MAX || p[0] >> 6 != 2)
		return -EINVAL;
	err = error_of(fn(session, p, &n));
	if (!err)
		*len = (size_t)n;
	return err;
}

int srtp_box_protect(struct srtp_box *s, uint8_t *p, size_t *len)
{
	return apply(srtp_protect, s->out, p, len, RTP_MIN);
}

int srtp_box_protect_rtcp(struct srtp_box *s, uint8_t *p, size_t *len)
{
	return apply(srtp_protect_rtcp, s->out, p, len, RTCP_MIN);
}

int srtp_box_unprotect(struct srtp_box *s, uint8_t *p, size_t *len)
{
	int err = apply(srtp_unprotect, s->in, p, len, RTP_MIN);

	if (!err)
		learn(s, get32(p + 8));
	return err;
}

int srtp_box_unprotect_rtcp(struct srtp_box *s, uint8_t *p, size_t *len)
{
	int err = apply(srtp_unprotect_rtcp, s->in, p, len, RTCP_MIN);

	if (!err)
		learn(s, get32(p + 4));
	return err;
}

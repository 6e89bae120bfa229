/* mic.c - from blocks of the microphone to frames; see the header
 *
 * The samples told by packet(), with and without a frame, add up to the time
 * that passed: the RTP timestamp stands on it.
 */
#include "audio/mic.h"
#include <string.h>

int mic_init(struct mic *m, const struct audio_config *cfg, const struct audio_events *ev,
	     void *ctx)
{
	struct encoder_config ec = {
		.bitrate = cfg->bitrate, .complexity = cfg->complexity,
		.loss_percent = cfg->loss_percent, .fec = cfg->fec, .dtx = cfg->dtx,
	};
	unsigned ms = cfg->frame_ms;

	if (ms != 10 && ms != 40 && ms != 60)
		ms = 20;
	m->frame = ms * (AUDIO_HZ / 1000);
	m->ev = ev;
	m->ctx = ctx;
	return encoder_new(&m->encoder, &ec);
}

void mic_free(struct mic *m)
{
	encoder_free(&m->encoder);
}

static void tell_skipped(struct mic *m, unsigned n)
{
	m->skipped -= n;
	m->ev->packet(m->ctx, NULL, n);
}

void mic_nothing(struct mic *m, unsigned n)
{
	m->skipped += m->have + n;      /* half a frame is not worth sending */
	m->have = 0;
	while (m->skipped >= m->frame)
		tell_skipped(m, m->frame);
}

static void send_frame(struct mic *m)
{
	uint8_t payload[ENCODE_BYTES];
	int level = level_dbov(m->pcm, m->frame);
	bool voice = level_voice(&m->voice, level, m->frame / (AUDIO_HZ / 1000));
	int len = encoder_frame(m->encoder, m->pcm, m->frame, level == LEVEL_SILENT, payload);
	struct media_packet p = { .payload = payload, .len = (size_t)(len > 0 ? len : 0),
				  .samples = m->frame, .level = level, .voice = voice };

	m->have = 0;
	if (len <= 0) {
		m->skipped += m->frame;
		tell_skipped(m, m->frame);
		return;
	}
	m->packets++;
	m->ev->packet(m->ctx, &p, m->frame);
}

void mic_block(struct mic *m, const int16_t v[AUDIO_BLOCK], int64_t now_us)
{
	level_add(&m->meter, level_dbov(v, AUDIO_BLOCK), now_us);
	if (m->muted) {
		mic_nothing(m, AUDIO_BLOCK);
		return;
	}
	if (m->skipped)
		tell_skipped(m, m->skipped);
	memcpy(m->pcm + m->have, v, AUDIO_BLOCK * sizeof(*v));
	m->have += AUDIO_BLOCK;
	if (m->have >= m->frame)
		send_frame(m);
}

/* mic.c - from blocks of the microphone to frames; see the header
 *
 * The samples told by packet(), with and without a frame, add up to the time
 * that passed: the RTP timestamp stands on it.  The frame in which the gate
 * closes is filled with silence and sent, so that no end of a word is lost;
 * that is time told before it passed, and paid back from what follows.
 *
 * A quiet room is not sent: after half a second without a voice a frame of its
 * noise goes out every two seconds, as comfort, and the encoder rests in
 * between.  Opus has a DTX of its own; but it sends white noise of -65 dBov at
 * 7 kbit/s and more, and took a whole second out of a steady sound that
 * somebody may have meant.
 *
 * Where packets stop, one or two of one byte say so: a receiver that heard
 * nothing would have to take the silence for loss.
 */
#include "audio/mic.h"
#include <errno.h>
#include <string.h>

enum {
	QUIET_DBOV = -45,       /* from here on it may be music, or a hum that is meant */
	QUIET_MS = 500,
	REST_MS = 2000,         /* between two packets of comfort noise */
	FRAME = AUDIO_HZ / 50,
	PAUSES = 2,             /* one of them may be lost */
	OVERHEAD = 64,          /* IPv4, UDP, RTP with a level, GCM; until it is known */
	PAYLOAD_LEAST = 20,     /* bytes: less is no word */
};

/* Two channels and the encoder for music: asked for, or something is played. */
static bool is_music(const struct mic *m)
{
	return m->want.music || (m->program && program_is_on(m->program));
}

/* bit/s: what the budget leaves, what the line carries; 0: no limit. */
static int for_sound(const struct mic *m)
{
	int budget = budget_sound(&m->budget), rate = m->line.rate;

	return !budget || (rate && rate < budget) ? rate : budget;
}

static void plan(struct mic *m)
{
	struct plan_want w = {
		.bitrate = m->want.bitrate, .frame_ms = m->want.frame_ms,
		.sound = for_sound(m),
		.overhead = m->line.overhead ? m->line.overhead : OVERHEAD,
		.loss = m->line.loss, .red = m->line.red,
		.music = m->channels == 2, .music_bitrate = m->want.music_bitrate,
	};

	plan_make(&m->plan, &w);
	if (!m->have)
		m->frame = m->plan.frame_ms * (AUDIO_HZ / 1000);
	encoder_set_fec(m->encoder, m->plan.fec);
	encoder_set_bitrate(m->encoder, m->plan.bitrate);
}

int mic_init(struct mic *m, const struct audio_config *cfg, const struct audio_events *ev,
	     void *ctx)
{
	struct encoder_config ec = { .complexity = cfg->complexity };
	int err = encoder_new(&m->voice, &ec);

	if (err)
		return err;
	m->ev = ev;
	m->ctx = ctx;
	m->complexity = cfg->complexity;
	m->encoder = m->voice;
	m->channels = 1;
	m->frame = FRAME;               /* until there is a plan */
	return mic_sending(m, &cfg->sending);
}

void mic_free(struct mic *m)
{
	encoder_free(&m->voice);
	encoder_free(&m->music);
}

static int choose(struct mic *m, bool music)
{
	struct encoder_config ec = { .complexity = m->complexity, .channels = 2, .music = true };
	int err;

	if (music && !m->music) {
		err = encoder_new(&m->music, &ec);
		if (err)
			return err;
	}
	if ((m->channels == 2) == music)
		return 0;
	mic_nothing(m, 0);              /* half a frame of the other kind */
	gate_flush(&m->gate);
	m->encoder = music ? m->music : m->voice;
	encoder_reset(m->encoder);
	m->channels = music ? 2 : 1;
	return 0;
}

int mic_sending(struct mic *m, const struct audio_sending *s)
{
	int err;

	m->want = *s;
	err = choose(m, is_music(m));
	if (err)
		m->want.music = false;
	if (s->threshold != m->gate.threshold)
		gate_threshold(&m->gate, s->threshold);
	budget_set(&m->budget, s->budget, m->now_us);
	plan(m);
	return err;
}

void mic_line(struct mic *m, const struct audio_line *l)
{
	m->line = *l;
	budget_other(&m->budget, l->other_bytes, m->now_us);
	plan(m);
}

void mic_mute(struct mic *m, bool muted, bool by_key)
{
	gate_mute(&m->gate, muted, by_key);
}

/* ---- time without sound ---- */

static void put_out(struct mic *m, const struct media_packet *p)
{
	budget_sent(&m->budget, m->line.overhead + (unsigned)p->len * (p->copied ? 2 : 1), m->now_us);
	m->ev->packet(m->ctx, p, p->samples);
}

static void send_pause(struct mic *m)
{
	uint8_t payload[ENCODE_BYTES];
	struct media_packet p = { .payload = payload, .samples = m->frame, .level = LEVEL_SILENT };

	m->pauses--;
	p.len = (size_t)encoder_pause(m->encoder, payload);
	if (p.len)
		put_out(m, &p);
	else
		m->ev->packet(m->ctx, NULL, m->frame);
}

static void tell_skipped(struct mic *m, unsigned n)
{
	m->skipped -= n;
	if (m->pauses && n == m->frame)
		send_pause(m);
	else
		m->ev->packet(m->ctx, NULL, n);
}

static void skip(struct mic *m, unsigned n)
{
	unsigned paid = n < m->ahead ? n : m->ahead;

	m->ahead -= paid;
	m->skipped += n - paid;
	while (m->skipped >= m->frame)
		tell_skipped(m, m->frame);
}

void mic_nothing(struct mic *m, unsigned n)
{
	n += m->have;                   /* half a frame of what broke off */
	m->have = 0;
	skip(m, n);
}

/* ---- sound ---- */

/* How many bytes the budget leaves; 0: this frame has to be left out. */
static int room(struct mic *m)
{
	int bytes = budget_room(&m->budget, m->now_us);
	int overhead = (int)(m->line.overhead ? m->line.overhead : OVERHEAD);

	if (bytes < 0)
		return ENCODE_BYTES;
	bytes -= overhead;
	if (m->plan.red)
		bytes /= 2;
	return bytes < PAYLOAD_LEAST ? 0 : bytes < ENCODE_BYTES ? bytes : ENCODE_BYTES;
}

static int encode(struct mic *m, int level, uint8_t *payload, int max)
{
	double swing = budget_swing(&m->budget, m->now_us);

	encoder_set_bitrate(m->encoder, (int)(m->plan.bitrate * (m->want.budget ? swing : 1)));
	m->encoded++;
	return encoder_frame_max(m->encoder, m->pcm, m->frame, level == LEVEL_SILENT, payload, max);
}

/* Is it quiet, and a packet of comfort noise not due yet? */
static bool rests(struct mic *m, int level, bool voice, unsigned ms)
{
	bool quiet = m->channels == 1 && !voice && level < QUIET_DBOV;

	m->quiet_ms = quiet ? m->quiet_ms + ms : 0;
	m->rest_ms = m->quiet_ms > QUIET_MS ? m->rest_ms + ms : 0;
	if (m->quiet_ms <= QUIET_MS)
		return false;
	if (m->rest_ms < REST_MS)
		return true;
	m->rest_ms = 0;
	return level == LEVEL_SILENT;   /* of that there is no noise to tell */
}

static void leave_out(struct mic *m)
{
	if (!m->paused)
		m->pauses = 1;
	m->paused = true;
	m->skipped += m->frame;
	tell_skipped(m, m->frame);
}

static void send_frame(struct mic *m)
{
	uint8_t payload[ENCODE_BYTES];
	unsigned ms = m->frame / (AUDIO_HZ / 1000);
	int level = level_dbov(m->pcm, (size_t)m->frame * m->channels);
	bool voice = level_voice(&m->talk, level, ms);
	int max = rests(m, level, voice, ms) ? 0 : room(m);
	int len = max ? encode(m, level, payload, max) : 0;
	struct media_packet p = { .payload = payload, .len = (size_t)(len > 0 ? len : 0),
				  .samples = m->frame, .level = level, .voice = voice,
				  .copied = m->plan.red };

	m->have = 0;
	if (len <= 0) {
		leave_out(m);
	} else {
		m->paused = false;
		put_out(m, &p);
	}
	m->frame = m->plan.frame_ms * (AUDIO_HZ / 1000);
}

static void add(struct mic *m, const int16_t *v)
{
	unsigned n = AUDIO_BLOCK;

	/* Time that was told already is not told again. */
	if (m->ahead) {
		m->ahead -= m->ahead < n ? m->ahead : n;
		return;
	}
	if (!m->paused)
		m->pauses = 0;
	if (m->skipped && !m->have)
		tell_skipped(m, m->skipped);
	memcpy(m->pcm + m->have * m->channels, v, n * m->channels * sizeof(*v));
	m->have += n;
	if (m->have >= m->frame)
		send_frame(m);
}

/* Does somebody talk to nobody, does the microphone give anything at all? */
static void watch(struct mic *m, int level)
{
	enum { MS = 10, LEAK_MS = 4, MOST_MS = 2000 };

	if (!m->gate.muted) {
		m->talk_muted_ms = 0;
		m->zero_ms = level == LEVEL_SILENT ? m->zero_ms + MS : 0;
		return;
	}
	m->zero_ms = 0;
	if (level_voice(&m->muted_talk, level, MS) && level > QUIET_DBOV)
		m->talk_muted_ms += m->talk_muted_ms < MOST_MS ? MS : 0;
	else
		m->talk_muted_ms -= m->talk_muted_ms < LEAK_MS ? m->talk_muted_ms : LEAK_MS;
}

/* The gate has closed: what it let through last goes out, silence behind it. */
static void finish(struct mic *m)
{
	if (m->have) {
		memset(m->pcm + m->have * m->channels, 0,
		       (m->frame - m->have) * m->channels * sizeof(*m->pcm));
		m->ahead = m->frame - m->have;
		m->have = m->frame;
		send_frame(m);
	}
	m->pauses = PAUSES;
	m->paused = true;
}

/* A packet of a file, as it is: told for all of its time at once. */
static bool pass(struct mic *m, const struct player_piece *piece)
{
	struct media_packet p = {
		.payload = piece->packet, .len = piece->packet_len, .samples = piece->packet_samples,
		.level = level_dbov(piece->v, AUDIO_BLOCK * 2), .voice = false, .copied = m->plan.red,
	};

	if (m->have || m->ahead || (m->want.budget && room(m) < piece->packet_len))
		return false;
	if (m->skipped)
		tell_skipped(m, m->skipped);
	m->pauses = 0;
	m->paused = false;
	m->passed++;
	put_out(m, &p);
	m->ahead = p.samples - AUDIO_BLOCK;
	return true;
}

/* What is played comes to what the gate let through. */
static bool mix_program(struct mic *m, int16_t *v, bool open, bool *passed)
{
	const struct player_piece *packet;
	bool any;

	if (!open)
		memset(v, 0, AUDIO_BLOCK * 2 * sizeof(*v));
	any = program_mix(m->program, v, !open, m->now_us, &packet);
	*passed = packet && pass(m, packet);
	return any;
}

/* The encoder follows what is played, at a border of frames. */
static void follow_program(struct mic *m)
{
	if (!m->have && is_music(m) != (m->channels == 2) && !choose(m, is_music(m)))
		plan(m);
}

static void send_block(struct mic *m, int16_t *v, bool open)
{
	bool passed = false;

	if (m->channels == 2 && m->program && m->program->player)
		open |= mix_program(m, v, open, &passed);
	if (m->tap && open)
		m->tap(m->ctx, v, m->channels);
	if (open && !passed)
		add(m, v);
	else if (!open)
		skip(m, AUDIO_BLOCK);
}

void mic_block(struct mic *m, int16_t *v, int64_t now_us)
{
	unsigned n = AUDIO_BLOCK * m->channels;
	int level = level_dbov(v, n);
	bool open;

	m->now_us = now_us;
	level_add(&m->meter, level, now_us);
	watch(m, level);
	open = gate_block(&m->gate, v, n, level);
	if (open && m->program && level_voice(&m->own, level, AUDIO_BLOCK / (AUDIO_HZ / 1000)))
		program_talked(m->program, now_us);
	send_block(m, v, open);
	if (open && !m->gate.open && !(m->program && program_is_on(m->program)))
		finish(m);
	follow_program(m);
}

void mic_idle(struct mic *m, int64_t now_us)
{
	int16_t v[AUDIO_BLOCK * 2] = { 0 };

	m->now_us = now_us;
	if (m->program && (program_is_on(m->program) || m->channels == 2)) {
		follow_program(m);
		send_block(m, v, false);
	} else {
		mic_nothing(m, AUDIO_BLOCK);
	}
}

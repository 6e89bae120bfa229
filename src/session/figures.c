/* figures.c - what the call costs: kbit/s of 5 s, CPU, memory, delay */
#include "session/session_priv.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "session/figures.h"

static double cpu_used_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void sample_cpu(struct session *s, int64_t now_us)
{
	double used = cpu_used_s();

	if (now_us - s->cpu_at_us < 5000000)
		return;
	if (s->cpu_at_us)
		s->cpu_percent = (used - s->cpu_used_s) * 1e8 / (double)(now_us - s->cpu_at_us);
	s->cpu_at_us = now_us;
	s->cpu_used_s = used;
}

/* What we add to mouth to ear: devices, a frame, the fullest jitter buffer,
 * half the way to the bridge and back. */
static int delay_ms(const struct session *s, const struct sound_snapshot *snap)
{
	unsigned buffer = 0;

	for (size_t i = 0; i < snap->sources; i++)
		if (snap->source[i].buffer_ms > buffer)
			buffer = snap->source[i].buffer_ms;
	/* The frame is in the microphone's. */
	return (int)(snap->audio.mic_delay_ms + snap->audio.speaker_delay_ms + buffer) +
	       (int)(s->figures.rtt_ms > 0 ? s->figures.rtt_ms / 2 : 0);
}

/* What a talker should know, at most every so often. */
static void warn_speaker(struct session *s, const struct audio_stats *a, int64_t now_us)
{
	enum { AGAIN_US = 60000000, DEAD_AGAIN_US = 300000000 };

	if (s->figures.talks_muted &&
	    (!s->warned_muted_us || now_us - s->warned_muted_us > AGAIN_US)) {
		s->warned_muted_us = now_us;
		message_say(s, MESSAGE_EVENT, "you are muted: Alt+m or /unmute, and the others hear you");
	}
	if (a->mic_dead && !s->muted && !s->no_mic &&
	    (!s->warned_dead_us || now_us - s->warned_dead_us > DEAD_AGAIN_US)) {
		s->warned_dead_us = now_us;
		message_say(s, MESSAGE_EVENT, "the microphone gives nothing but silence: it may be "
			    "switched off, or muted in the system; /devices lists others");
	}
}

/* What the engine makes of the settings. */
static void own_state(struct session *s, int64_t now_us)
{
	struct sound_snapshot snap;

	sound_snapshot(s->sound, &snap);
	s->figures.budget_kbps = (int)settings_int(s->settings, "audio.budget");
	s->figures.tight = s->figures.budget_kbps && snap.audio.tight;
	s->figures.music = snap.audio.music;
	s->figures.talks_muted = snap.audio.talks_muted && s->muted && !s->no_mic;
	warn_speaker(s, &snap.audio, now_us);
	s->figures.delay_ms = delay_ms(s, &snap);
}

/* One sample each half second, eleven of them: the ends are 5 s apart. */
void session_sample(struct session *s, int64_t now_us)
{
	const size_t max = sizeof(s->sample) / sizeof(s->sample[0]) - 1;
	struct media_stats *m;
	uint64_t out;
	double span;

	sample_cpu(s, now_us);
	if (!s->sound || (s->samples && now_us - s->sample[s->samples - 1].at_us < 480000))
		return;
	m = calloc(1, sizeof(*m));
	if (!m)
		return;
	sound_media_stats(s->sound, m);
	wire_sample(s, m, now_us);
	out = m->peer.out_rtp_bytes + s->other_out;
	/* A new media session counts from nothing. */
	if (s->samples && out < s->sample[s->samples - 1].out)
		s->samples = 0;
	if (s->samples == max)
		memmove(s->sample, s->sample + 1, --s->samples * sizeof(s->sample[0]));
	s->sample[s->samples].at_us = now_us;
	s->sample[s->samples].out = out;
	s->sample[s->samples].in = m->peer.in_bytes;
	s->samples++;
	span = (double)(now_us - s->sample[0].at_us) / 1000;
	if (span > 0) {
		s->figures.out_kbps = (double)(out - s->sample[0].out) * 8 / span;
		s->figures.in_kbps = (double)(m->peer.in_bytes - s->sample[0].in) * 8 / span;
	}
	s->figures.rtt_ms = m->peer.rtt_ms;
	s->figures.loss = m->peer.out_loss;
	own_state(s, now_us);
	free(m);
}

/* Private memory of the kernel's own sum; a read of /proc that takes 50 us. */
static void memory_kib(long *private_kib, long *rss_kib)
{
	char line[128];
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	long v;

	*private_kib = *rss_kib = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Clean: %ld", &v) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &v) == 1)
			*private_kib += v;
		if (sscanf(line, "Rss: %ld", &v) == 1)
			*rss_kib = v;
	}
	if (f)
		fclose(f);
}

static json_t *direction_out(const struct session *s, const struct media_stats *m,
			     const struct audio_stats *a)
{
	return json_pack("{s:f, s:I, s:I, s:s, s:i, s:b, s:b, s:b, s:b, s:f, s:i, s:f, s:f, s:I}",
			 "kbps", s->figures.out_kbps,
			 "packets", (json_int_t)m->peer.out_packets,
			 "bytes", (json_int_t)m->peer.out_bytes, "codec", "opus",
			 "frame_ms", (int)a->frame_ms, "fec", a->fec, "dtx", !a->music,
			 "red", a->red, "music", a->music, "codec_kbps", a->bitrate / 1000.0,
			 "budget_kbps", s->figures.budget_kbps,
			 "loss", s->figures.loss, "loss_heard", s->figures.loss_others,
			 "passed", (json_int_t)a->passed);
}

static json_t *direction_in(const struct session *s, const struct media_stats *m,
			    const struct sound_snapshot *snap)
{
	return json_pack("{s:f, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "kbps", s->figures.in_kbps,
			 "packets", (json_int_t)m->peer.in_packets,
			 "bytes", (json_int_t)m->peer.in_bytes,
			 "streams", (int)m->peer.streams,
			 "lost", (json_int_t)m->peer.lost,
			 "late", (json_int_t)snap->audio.late,
			 "concealed_ms", (json_int_t)snap->audio.concealed_ms,
			 "fec_recovered", (json_int_t)snap->audio.fec_recovered,
			 "duplicate", (json_int_t)(m->peer.duplicate + m->peer.replayed),
			 "bad_srtp", (json_int_t)m->peer.bad_srtp,
			 "video_packets", (json_int_t)m->peer.video_packets);
}

static const struct audio_source_stats *audio_of(const struct sound_snapshot *snap, uint32_t ssrc)
{
	for (size_t i = 0; i < snap->sources; i++)
		if (snap->source[i].ssrc == ssrc)
			return &snap->source[i];
	return NULL;
}

static json_t *per_person(const struct session *s, const struct media_stats *m,
			  const struct sound_snapshot *snap)
{
	struct call *c = session_call(s);
	json_t *list = json_array();

	for (size_t i = 0; c && i < m->sources; i++) {
		const struct peer_source *p = &m->source[i];
		const struct audio_source_stats *a = audio_of(snap, p->ssrc);
		const char *owner = call_source_owner(c, p->ssrc);

		if (!owner)
			continue;
		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:f, s:i, s:I, s:i}",
			"id", owner, "packets", (json_int_t)p->packets,
			"lost", (json_int_t)p->lost, "jitter_ms", p->jitter_ms,
			"buffer_ms", a ? (int)a->buffer_ms : 0,
			"concealed_ms", (json_int_t)(a ? a->concealed_ms : 0),
			"level", a ? a->level : p->level));
	}
	return list;
}

static int since_start_ms(const struct session *s, int64_t at_us)
{
	return at_us > s->start_us ? (int)((at_us - s->start_us) / 1000) : 0;
}

/* What sound and network say now; the caller frees it.  Large, so not on a stack. */
static struct media_stats *figures_now(struct session *s, struct sound_snapshot *snap)
{
	struct media_stats *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	*snap = (struct sound_snapshot){ 0 };
	m->peer.rtt_ms = -1;
	if (s->sound) {
		sound_snapshot(s->sound, snap);
		sound_media_stats(s->sound, m);
	}
	return m;
}

json_t *session_figures_json(struct session *s)
{
	struct sound_snapshot snap;
	struct media_stats *m = figures_now(s, &snap);
	long private_kib, rss_kib;
	json_t *j;

	memory_kib(&private_kib, &rss_kib);
	j = json_pack("{s:o, s:o, s:o, s:f, s:i, s:s, s:i, s:i, s:f, s:i, s:i, s:{s:I, s:I}, s:f}",
		      "out", direction_out(s, m, &snap.audio), "in", direction_in(s, m, &snap),
		      "per_person", per_person(s, m, &snap),
		      "rtt_ms", m->peer.rtt_ms, "delay_ms", delay_ms(s, &snap),
		      "path", m->peer.path,
		      "joined_ms", since_start_ms(s, s->joined_us),
		      "first_sound_ms", since_start_ms(s, snap.audio.first_sound_us),
		      "cpu_percent", s->cpu_percent,
		      "private_kib", (int)private_kib, "rss_kib", (int)rss_kib,
		      "terminal", "bytes", (json_int_t)s->terminal_bytes,
		      "dropped_frames", (json_int_t)s->terminal_dropped,
		      "uptime_s", (double)(clock_now_us() - s->start_us) / 1e6);
	free(m);
	return j;
}

void session_channel_text(struct session *s, struct buf *out)
{
	struct sound_snapshot snap;
	struct media_stats *m = figures_now(s, &snap);

	if (m->peer.channel_in || m->peer.channel_out || m->peer.channel_dropped)
		buf_addf(out, "\n  by SCTP: messages in %llu, out %llu, dropped %llu",
			 (unsigned long long)m->peer.channel_in,
			 (unsigned long long)m->peer.channel_out,
			 (unsigned long long)m->peer.channel_dropped);
	free(m);
}

static void budget_text(const struct session *s, const struct audio_stats *a, struct buf *out)
{
	buf_addf(out, "sending %s at %.1f kbit/s in frames of %u ms%s%s\n", a->music ? "music" : "voice",
		 a->bitrate / 1000.0, a->frame_ms, a->fec ? ", with repair" : "",
		 a->red ? ", each twice" : "");
	if (s->figures.budget_kbps)
		buf_addf(out, "budget %d kbit/s out, %.1f used%s\n", s->figures.budget_kbps,
			 s->figures.out_kbps, s->figures.tight
			 ? "; it is less than this call needs and cannot be kept" : "");
}

void session_stats_text(struct session *s, struct buf *out)
{
	struct sound_snapshot snap;
	struct media_stats *m = figures_now(s, &snap);
	long private_kib, rss_kib;

	memory_kib(&private_kib, &rss_kib);
	budget_text(s, &snap.audio, out);
	buf_addf(out, "out %.0f kbit/s, in %.0f kbit/s (5 s, headers counted), %u %s heard\n",
		 s->figures.out_kbps, s->figures.in_kbps, m->peer.streams,
		 m->peer.streams == 1 ? "stream" : "streams");
	if (m->peer.rtt_ms >= 0)
		buf_addf(out, "round trip to the bridge %.0f ms, ", m->peer.rtt_ms);
	buf_addf(out, "own share of the delay about %d ms, path %s\n", delay_ms(s, &snap),
		 *m->peer.path ? m->peer.path : "none");
	buf_addf(out, "lost %lld, late %llu, concealed %llu ms, repaired %llu, bad %llu\n",
		 (long long)m->peer.lost, (unsigned long long)snap.audio.late,
		 (unsigned long long)snap.audio.concealed_ms,
		 (unsigned long long)snap.audio.fec_recovered,
		 (unsigned long long)(m->peer.bad_srtp + m->peer.malformed));
	buf_addf(out, "CPU %.1f %%, memory %.1f MB of our own, %.1f MB in all", s->cpu_percent,
		 (double)private_kib / 1024, (double)rss_kib / 1024);
	free(m);
}

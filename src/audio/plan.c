/* plan.c - bitrate, frame length, repair; see the header
 *
 * Measured with libopus 1.3.1, read speech, PESQ-WB, mean of three seeds,
 * at a loss of 0, 3, 5, 10, 20 % (single packets, 20 ms):
 *
 *	32 kbit/s, no FEC       4.23  3.30  2.75  2.01  1.46
 *	32, FEC told  5 %       4.02  3.83  3.64  3.21  2.57
 *	32, FEC told 10 %       3.78  3.66  3.52  3.16  2.59
 *	32, FEC told 20 %       3.22  3.16  3.08  2.86  2.43
 *	48, FEC told  5 %       4.34  4.17  4.00  3.57  2.88
 *	24, FEC told 10 %       3.42  3.30  3.18  2.87  2.38
 *	16 and its copy, 33     3.50  3.48  3.41  3.12  2.58
 *	24 and its copy, 49     4.01  3.98  3.89  3.56  2.89
 *
 * So Opus is told 5 % whatever is lost: that takes a fifth of a point from a
 * clean line instead of one, and repairs as well.  Below 28 kbit/s it gives no
 * FEC for 5 %, and at 10 % it costs more; at 16 and less it gains nothing.  A
 * copy of each packet is never better than FEC for the same bits: it is for
 * music, where Opus has no FEC.
 *
 * Under a cap, long frames: at 60 ms the headers cost a third of those at 20.
 * Speech gains more from 10 kbit/s than it loses by 40 ms; from 24 on, delay
 * is the better thing to have.  Where 60 ms leave less than 8 kbit/s (a cap of
 * 16 and less on IPv4), 120 ms: PESQ-WB of 5.7 kbit/s is 1.7, of 10 kbit/s 2.8.
 * Chromium 156 plays them without a gap; libwebrtc's buffer is made for them.
 */
#include "audio/plan.h"

enum {
	VOICE = 32000, MUSIC = 128000, MORE = 48000,
	LEAST = 5000,           /* of a payload: SILK, narrow, still words */
	MUSIC_LEAST = 32000,
	GOOD = 24000,           /* of a payload: 20 ms are worth their headers */
	FAIR = 20000,
	FEC_GOOD = 28000, FEC_LEAST = 22000,
	LONG_BELOW = 8000,      /* of a payload at 60 ms: 120 ms are worth their delay */
};

static const double fec_on = 0.012, fec_off = 0.006, fec_dear = 0.03, more_on = 0.04,
	red_on = 0.02, red_off = 0.01;

int plan_headers(unsigned overhead, unsigned frame_ms)
{
	return (int)(overhead * 8000 / frame_ms);
}

static int payload(const struct plan_want *w, unsigned frame_ms)
{
	return w->sound - plan_headers(w->overhead, frame_ms);
}

static unsigned frame_of(unsigned ms)
{
	return ms == 10 || ms == 40 || ms == 60 ? ms : 20;
}

static int lesser(int a, int b)
{
	return a < b ? a : b;
}

/* The shortest frames that leave enough for words. */
static unsigned fitting(const struct plan_want *w, int wanted, unsigned ms)
{
	if (ms == 10 && payload(w, 10) < lesser(wanted, VOICE))
		ms = 20;
	if (ms <= 20 && payload(w, 20) < lesser(wanted, GOOD))
		ms = 40;
	if (ms <= 40 && payload(w, 40) < lesser(wanted, FAIR))
		ms = 60;
	if (payload(w, 60) < lesser(wanted, LONG_BELOW))
		ms = 120;
	return ms;
}

static void cap(struct plan *p, const struct plan_want *w, int least)
{
	int room;

	if (!w->sound)
		return;
	p->frame_ms = fitting(w, p->bitrate, p->frame_ms);
	room = payload(w, p->frame_ms);
	p->tight = room < least;
	if (p->bitrate > room)
		p->bitrate = room < LEAST ? LEAST : room;
}

static void voice(struct plan *p, const struct plan_want *w)
{
	bool had = p->fec > 0;

	p->bitrate = w->bitrate > 0 ? w->bitrate : VOICE;
	if (w->loss >= more_on && p->bitrate < MORE && p->bitrate >= VOICE)
		p->bitrate = MORE;
	cap(p, w, LEAST);
	p->red = false;
	if (p->bitrate < FEC_LEAST)
		p->fec = 0;
	else if (p->bitrate < FEC_GOOD)
		p->fec = w->loss >= (had ? fec_on : fec_dear) ? 10 : 0;
	else
		p->fec = w->loss >= (had ? fec_off : fec_on) ? 5 : 0;
}

static void music(struct plan *p, const struct plan_want *w)
{
	bool had = p->red;

	p->bitrate = w->music_bitrate > 0 ? w->music_bitrate : MUSIC;
	p->fec = 0;
	cap(p, w, MUSIC_LEAST);
	p->red = w->red && w->loss >= (had ? red_off : red_on) &&
		 (!w->sound || p->bitrate / 2 >= MUSIC_LEAST);
	/* The copy comes out of the same cap. */
	if (p->red && w->sound)
		p->bitrate = lesser(p->bitrate, payload(w, p->frame_ms) / 2);
}

void plan_make(struct plan *p, const struct plan_want *w)
{
	p->tight = false;
	p->frame_ms = frame_of(w->frame_ms);
	if (w->music)
		music(p, w);
	else
		voice(p, w);
}

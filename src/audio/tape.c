/* tape.c - the line of samples that one source is heard on; see the header */
#include "audio/tape.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLEND = 240,            /* 5 ms from a made-up sound to a real one */
	FADE_IN = 120,          /* 2.5 ms where a talk begins in the middle of a word */
	FADE_OUT = 480,         /* 10 ms where it breaks off */
};

static size_t bytes(const struct tape *t, size_t n)
{
	return n * t->channels * sizeof(*t->pcm);
}

int tape_init(struct tape *t)
{
	memset(t, 0, sizeof(*t));
	t->channels = t->most = 1;
	t->pcm = calloc(TAPE_ROOM, sizeof(*t->pcm));
	return t->pcm ? 0 : -ENOMEM;
}

void tape_free(struct tape *t)
{
	free(t->pcm);
	memset(t, 0, sizeof(*t));
}

int tape_prepare(struct tape *t)
{
	int16_t *pcm;

	if (t->most == 2)
		return 0;
	pcm = realloc(t->pcm, 2 * TAPE_ROOM * sizeof(*pcm));
	if (!pcm)
		return -ENOMEM;
	memset(pcm + TAPE_ROOM, 0, TAPE_ROOM * sizeof(*pcm));
	t->pcm = pcm;
	t->most = 2;
	return 0;
}

void tape_clear(struct tape *t)
{
	memset(t->pcm, 0, bytes(t, TAPE_ROOM));
	t->len = t->extended = t->made = 0;
}

void tape_set_channels(struct tape *t, unsigned channels)
{
	size_t n = STRETCH_PAST + t->len;

	if (channels > t->most || channels == t->channels)
		return;
	if (channels == 2)
		for (size_t i = n; i--;)
			t->pcm[2 * i] = t->pcm[2 * i + 1] = t->pcm[i];
	else
		for (size_t i = 0; i < n; i++)
			t->pcm[i] = (int16_t)((t->pcm[2 * i] + t->pcm[2 * i + 1]) / 2);
	t->channels = channels;
}

static int16_t *next(struct tape *t)
{
	return t->pcm + STRETCH_PAST * t->channels;
}

int16_t *tape_end(struct tape *t)
{
	return next(t) + t->len * t->channels;
}

void tape_add_zeros(struct tape *t, size_t n)
{
	memset(tape_end(t), 0, bytes(t, n));
	t->len += n;
}

void tape_extend(struct tape *t, size_t n)
{
	stretch_extend(tape_end(t), t->channels, n, t->made);
	t->len += n;
	t->made += n;
}

void tape_add_made(struct tape *t, size_t n)
{
	stretch_fade(tape_end(t), t->channels, n, t->made);
	t->len += n;
	t->made += n;
}

bool tape_is_silent(const struct tape *t)
{
	return t->made >= STRETCH_FADE;
}

void tape_add(struct tape *t, size_t n, size_t skip)
{
	int16_t *x = tape_end(t), more[BLEND * 2];
	size_t rest = n - skip, blend = rest < BLEND ? rest : BLEND;

	if (skip >= n)
		return;
	if (t->made) {
		memmove(x + blend * t->channels, x + skip * t->channels, bytes(t, rest));
		stretch_extend(x, t->channels, blend, t->made);
		memcpy(more, x, bytes(t, blend));
		memmove(x, x + blend * t->channels, bytes(t, rest));
		stretch_blend(x, more, t->channels, blend);
	}
	t->len += rest;
	t->made = 0;
}

void tape_lead_in(struct tape *t, size_t n)
{
	size_t made = t->made < t->len ? t->made : t->len;

	if (!made || n < STRETCH_LEAD)
		return;
	stretch_lead_in(tape_end(t), t->channels, made);
	t->made = 0;            /* no more blending is needed */
}

void tape_fade_in(struct tape *t, size_t n)
{
	static const int16_t silence[FADE_IN * 2];

	stretch_blend(tape_end(t), silence, t->channels, n < FADE_IN ? n : FADE_IN);
}

void tape_fade_out(struct tape *t)
{
	int16_t *x = tape_end(t);

	stretch_extend(x, t->channels, FADE_OUT, t->made);
	for (unsigned i = 0; i < FADE_OUT * t->channels; i++)
		x[i] = (int16_t)(x[i] * (int)(FADE_OUT - 1 - i / t->channels) / FADE_OUT);
	t->len += FADE_OUT;
}

size_t tape_shorten(struct tape *t, size_t most, float urgent)
{
	size_t n = stretch_shorten(next(t), t->channels, t->len, most, urgent);

	t->len -= n;
	return n;
}

size_t tape_lengthen(struct tape *t, size_t most, float urgent)
{
	size_t n = stretch_lengthen(next(t), t->channels, t->len, most, urgent);

	t->len += n;
	return n;
}

void tape_take(struct tape *t, int16_t *out, size_t n)
{
	memcpy(out, next(t), bytes(t, n));
	t->len -= n;
	memmove(t->pcm, t->pcm + n * t->channels, bytes(t, STRETCH_PAST + t->len));
}

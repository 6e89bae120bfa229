/* signal.c - sounds for the tests; see the header */
#include "unit/audio/signal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

uint32_t dice_u32(struct dice *d)
{
	d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(d->state >> 33);
}

double dice_unit(struct dice *d)
{
	return (double)(dice_u32(d) & 0x7fffffff) / 2147483648.0;
}

struct formant { double a, b, y1, y2; };

static void tune(struct formant *f, double hz, double width)
{
	double r = exp(-pi * width / 48000);

	f->a = 2 * r * cos(2 * pi * hz / 48000);
	f->b = -r * r;
}

static double pass(struct formant *f, double x)
{
	double y = x + f->a * f->y1 + f->b * f->y2;

	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

int16_t *signal_speech(size_t n, unsigned seed)
{
	int16_t *v = calloc(n ? n : 1, sizeof(*v));
	struct dice d = { seed * 977u + 13 };
	struct formant f[3] = { { 0 } };
	double phase = 0, pitch = 120, loud = 0, aim = 0, last = 0;

	for (size_t i = 0; v && i < n; i++) {
		double pulse, x;

		if (i % 9600 == 0) {            /* a syllable of 200 ms */
			tune(&f[0], 300 + 500 * dice_unit(&d), 90);
			tune(&f[1], 900 + 1300 * dice_unit(&d), 120);
			tune(&f[2], 2300 + 900 * dice_unit(&d), 160);
			aim = dice_unit(&d) < 0.2 ? 0 : 0.5 + 0.5 * dice_unit(&d);
		}
		pitch += 0.02 * (dice_unit(&d) - 0.5) + 0.00001 * (130 + 20 * (seed % 5) - pitch);
		loud += (aim - loud) / 1200;
		phase += pitch / 48000;
		if (phase >= 1)
			phase -= 1;
		pulse = phase < 0.4 ? sin(pi * phase / 0.4) : 0;
		x = (pulse - last) * loud + 0.002 * (dice_unit(&d) - 0.5);
		last = pulse;
		x = pass(&f[2], pass(&f[1], pass(&f[0], x)));
		v[i] = (int16_t)lrint(fmax(-30000, fmin(30000, x * 0.5))) | 1;
	}
	/* Formants ring as they like; bring it to a talker's loudness. */
	if (v) {
		double rms = signal_rms(v, n), g = rms > 1 ? 3000 / rms : 1;

		for (size_t i = 0; i < n; i++)
			v[i] = (int16_t)fmax(-26000, fmin(26000, v[i] * g)) | 1;
	}
	return v;
}

int16_t *signal_tone(size_t n, double hz, double amplitude)
{
	int16_t *v = calloc(n ? n : 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		v[i] = (int16_t)lrint(amplitude * 32767 * sin(2 * pi * hz * (double)i / 48000));
	return v;
}

size_t signal_zeros(const int16_t *v, size_t n)
{
	size_t run = 0, most = 0;

	for (size_t i = 0; i < n; i++) {
		run = v[i] ? 0 : run + 1;
		if (run > most)
			most = run;
	}
	return most;
}

int signal_step(const int16_t *v, size_t n)
{
	int most = 0;

	for (size_t i = 1; i < n; i++)
		if (abs(v[i] - v[i - 1]) > most)
			most = abs(v[i] - v[i - 1]);
	return most;
}

int signal_bend(const int16_t *v, size_t n)
{
	int most = 0;

	for (size_t i = 2; i < n; i++)
		if (abs(v[i] - 2 * v[i - 1] + v[i - 2]) > most)
			most = abs(v[i] - 2 * v[i - 1] + v[i - 2]);
	return most;
}

double signal_part(const int16_t *v, size_t n, size_t channels, double hz)
{
	double re = 0, im = 0;

	for (size_t i = 0; i < n; i++) {
		double a = 2 * pi * hz * (double)i / 48000;

		re += v[channels * i] * cos(a);
		im += v[channels * i] * sin(a);
	}
	return 2 * sqrt(re * re + im * im) / (double)n;
}

double signal_rms(const int16_t *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)v[i] * v[i];
	return n ? sqrt(sum / (double)n) : 0;
}

size_t signal_find(const int16_t *v, size_t n, const int16_t *piece, size_t len, size_t most,
		   double *like, double *gain)
{
	size_t best = 0, stride = 8;
	double top = -2, top_gain = 0;

	for (int round = 0; round < 2; round++) {
		size_t from = round ? (best > 16 ? best - 16 : 0) : 0;
		size_t to = round ? best + 16 : most, by = round ? 1 : 4;

		for (size_t lag = from; lag <= to && lag + len <= n; lag += by) {
			double ab = 0, aa = 1, bb = 1;

			for (size_t i = 0; i < len; i += round ? 1 : stride) {
				double a = v[lag + i], b = piece[i];

				ab += a * b;
				aa += a * a;
				bb += b * b;
			}
			if (ab / sqrt(aa * bb) > top) {
				top = ab / sqrt(aa * bb);
				top_gain = sqrt(aa / bb);
				best = lag;
			}
		}
		if (!round)
			top = -2;
	}
	*like = top;
	*gain = top_gain;
	return best;
}

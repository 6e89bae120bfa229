/* system_sound.c - what the other programs of this machine play; see the header
 *
 * The library's thread owns context and streams and holds their lock while it
 * calls us.  A slot's ring lives as long as all of it; `live` says whether it
 * is filled, so that nothing has to be taken back from the media thread.
 */
#include "audio/system_sound.h"
#include <errno.h>
#include <pulse/pulseaudio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/block.h"
#include "audio/device.h"
#include "base/ring.h"

enum {
	SLOTS = 16,
	RING = AUDIO_HZ * 2,            /* values: half a second of two channels */
	START = AUDIO_HZ / 25 * 2,      /* values there before a stream is heard: 40 ms */
	TOO_MUCH = AUDIO_HZ / 5 * 2,    /* 200 ms: two clocks, or nobody took it */
};

struct slot {
	struct ring *ring;
	atomic_bool live;
	uint32_t input;                 /* the sound server's number; library's thread */
	pa_stream *stream;
	bool flows;                     /* media thread: enough was there */
};

struct system_sound {
	pa_threaded_mainloop *loop;
	pa_context *context;
	struct slot slot[SLOTS];
	atomic_bool gone;
};

/* ---- the library's thread ---- */

static void on_read(pa_stream *stream, size_t bytes, void *ctx)
{
	struct slot *s = ctx;
	const void *p;
	size_t n;

	(void)bytes;
	while (!pa_stream_peek(stream, &p, &n) && n) {
		if (p)
			ring_write(s->ring, p, n / 4 * 2);
		pa_stream_drop(stream);
	}
}

static void stop(struct slot *s)
{
	if (!s->stream)
		return;
	pa_stream_set_read_callback(s->stream, NULL, NULL);
	pa_stream_disconnect(s->stream);
	pa_stream_unref(s->stream);
	s->stream = NULL;
	atomic_store(&s->live, false);
}

static struct slot *slot_of(struct system_sound *y, uint32_t input)
{
	for (int i = 0; i < SLOTS; i++)
		if (y->slot[i].stream && y->slot[i].input == input)
			return &y->slot[i];
	return NULL;
}

static void listen_to(struct system_sound *y, uint32_t input)
{
	static const pa_sample_spec spec = { .format = PA_SAMPLE_S16NE, .rate = AUDIO_HZ, .channels = 2 };
	pa_buffer_attr attr = { .maxlength = (uint32_t)-1, .fragsize = AUDIO_HZ / 50 * 4 };
	struct slot *s = NULL;

	for (int i = 0; i < SLOTS && !s; i++)
		if (!y->slot[i].stream)
			s = &y->slot[i];
	if (!s)
		return;
	s->stream = pa_stream_new(y->context, "what this machine plays", &spec, NULL);
	if (!s->stream)
		return;
	s->input = input;
	pa_stream_set_monitor_stream(s->stream, input);
	pa_stream_set_read_callback(s->stream, on_read, s);
	if (pa_stream_connect_record(s->stream, NULL, &attr, PA_STREAM_ADJUST_LATENCY | PA_STREAM_DONT_MOVE))
		stop(s);
	else
		atomic_store(&s->live, true);
}

static bool is_ours(const pa_sink_input_info *i)
{
	const char *pid = pa_proplist_gets(i->proplist, PA_PROP_APPLICATION_PROCESS_ID);

	return pid && strtol(pid, NULL, 10) == getpid();
}

static void on_input(pa_context *c, const pa_sink_input_info *i, int end, void *ctx)
{
	struct system_sound *y = ctx;

	(void)c;
	if (!end && i && !is_ours(i) && !slot_of(y, i->index))
		listen_to(y, i->index);
}

static void unref(pa_operation *o)
{
	if (o)
		pa_operation_unref(o);
}

static void on_change(pa_context *c, pa_subscription_event_type_t type, uint32_t index, void *ctx)
{
	struct system_sound *y = ctx;
	struct slot *s = slot_of(y, index);

	if ((type & PA_SUBSCRIPTION_EVENT_FACILITY_MASK) != PA_SUBSCRIPTION_EVENT_SINK_INPUT)
		return;
	if ((type & PA_SUBSCRIPTION_EVENT_TYPE_MASK) == PA_SUBSCRIPTION_EVENT_NEW)
		unref(pa_context_get_sink_input_info(c, index, on_input, y));
	else if ((type & PA_SUBSCRIPTION_EVENT_TYPE_MASK) == PA_SUBSCRIPTION_EVENT_REMOVE && s)
		stop(s);
}

static void on_state(pa_context *c, void *ctx)
{
	struct system_sound *y = ctx;

	switch (pa_context_get_state(c)) {
	case PA_CONTEXT_READY:
		pa_context_set_subscribe_callback(c, on_change, y);
		unref(pa_context_subscribe(c, PA_SUBSCRIPTION_MASK_SINK_INPUT, NULL, NULL));
		unref(pa_context_get_sink_input_info_list(c, on_input, y));
		break;
	case PA_CONTEXT_FAILED:
	case PA_CONTEXT_TERMINATED:
		atomic_store(&y->gone, true);
		break;
	default:
		break;
	}
	pa_threaded_mainloop_signal(y->loop, 0);
}

/* ---- life ---- */

static int make_rings(struct system_sound *y)
{
	for (int i = 0; i < SLOTS; i++)
		if (ring_new(&y->slot[i].ring, RING))
			return -ENOMEM;
	return 0;
}

/* Waits until the server has said yes or no, which takes it some ms. */
static int connect_server(struct system_sound *y, char *text, unsigned size)
{
	pa_context_state_t st;

	pa_threaded_mainloop_lock(y->loop);
	if (pa_context_connect(y->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL) ||
	    pa_threaded_mainloop_start(y->loop)) {
		pa_threaded_mainloop_unlock(y->loop);
		snprintf(text, size, "there is no sound server here (PulseAudio, PipeWire)");
		return -ENOENT;
	}
	do {
		st = pa_context_get_state(y->context);
		if (st == PA_CONTEXT_READY || !PA_CONTEXT_IS_GOOD(st))
			break;
		pa_threaded_mainloop_wait(y->loop);
	} while (1);
	pa_threaded_mainloop_unlock(y->loop);
	if (st == PA_CONTEXT_READY)
		return 0;
	snprintf(text, size, "there is no sound server here (PulseAudio, PipeWire): %s",
		 pa_strerror(pa_context_errno(y->context)));
	return -ENOENT;
}

int system_sound_new(struct system_sound **out, char *text, unsigned size)
{
	struct system_sound *y = calloc(1, sizeof(*y));
	int err = -ENOMEM;

	*out = NULL;
	snprintf(text, size, "out of memory");
	if (!y)
		return err;
	y->loop = pa_threaded_mainloop_new();
	y->context = y->loop ? pa_context_new(pa_threaded_mainloop_get_api(y->loop), "ttymeet") : NULL;
	if (y->context)
		err = make_rings(y);
	if (!err) {
		pa_context_set_state_callback(y->context, on_state, y);
		err = connect_server(y, text, size);
	}
	if (err)
		system_sound_free(&y);
	*out = y;
	return err;
}

void system_sound_free(struct system_sound **yp)
{
	struct system_sound *y = *yp;

	if (!y)
		return;
	if (y->loop)
		pa_threaded_mainloop_lock(y->loop);
	for (int i = 0; i < SLOTS; i++)
		stop(&y->slot[i]);
	if (y->context) {
		pa_context_set_state_callback(y->context, NULL, NULL);
		pa_context_set_subscribe_callback(y->context, NULL, NULL);
		pa_context_disconnect(y->context);
		pa_context_unref(y->context);
	}
	if (y->loop) {
		pa_threaded_mainloop_unlock(y->loop);
		pa_threaded_mainloop_stop(y->loop);
		pa_threaded_mainloop_free(y->loop);
	}
	for (int i = 0; i < SLOTS; i++)
		ring_free(&y->slot[i].ring);
	free(y);
	*yp = NULL;
}

/* ---- media thread ---- */

static bool add_slot(struct slot *s, int16_t *v)
{
	int16_t block[2 * SYSTEM_BLOCK];
	size_t used = ring_used(s->ring);

	if (!atomic_load(&s->live) && !used) {
		s->flows = false;
		return false;
	}
	if (used > TOO_MUCH)
		ring_skip(s->ring, (used - START) & ~(size_t)1);
	s->flows = s->flows ? used >= 2 * SYSTEM_BLOCK : used >= START;
	if (!s->flows && (atomic_load(&s->live) || used < 2 * SYSTEM_BLOCK)) {
		if (!atomic_load(&s->live))
			ring_skip(s->ring, used);
		return false;
	}
	ring_read(s->ring, block, 2 * SYSTEM_BLOCK);
	block_add(v, block, 2 * SYSTEM_BLOCK);
	return true;
}

bool system_sound_add(struct system_sound *y, int16_t v[2 * SYSTEM_BLOCK])
{
	bool any = false;

	for (int i = 0; i < SLOTS; i++)
		any |= add_slot(&y->slot[i], v);
	return any;
}

int system_sound_streams(struct system_sound *y)
{
	int n = 0;

	for (int i = 0; i < SLOTS; i++)
		n += atomic_load(&y->slot[i].live);
	return atomic_load(&y->gone) ? -1 : n;
}

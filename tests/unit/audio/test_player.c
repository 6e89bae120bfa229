/* test_player.c - the reader is a thread of its own: waited for with a deadline */
#include "audio/player.h"
#include <errno.h>
#include <opusenc.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "unit/audio/temp.h"
#include "unit/unit.h"

enum { BLOCK = PLAYER_BLOCK };

static void nap(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

/* Blocks of stereo whose left sample says which one it is. */
static void make_wav(const char *name, int blocks, int first)
{
	SF_INFO info = { .samplerate = 48000, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
	SNDFILE *f = sf_open(temp_path(name), SFM_WRITE, &info);

	assert_non_null(f);
	for (int b = 0; b < blocks; b++) {
		int16_t v[BLOCK * 2];

		for (int i = 0; i < BLOCK; i++) {
			v[2 * i] = (int16_t)(first + b);
			v[2 * i + 1] = (int16_t)-(first + b);
		}
		assert_int_equal(sf_writef_short(f, v, BLOCK), BLOCK);
	}
	sf_close(f);
}

static void make_opus(const char *name, int blocks)
{
	OggOpusComments *c = ope_comments_create();
	OggOpusEnc *e;
	int err;

	ope_comments_add(c, "ARTIST", "Ada");
	ope_comments_add(c, "TITLE", "Side \033B");
	e = ope_encoder_create_file(temp_path(name), c, 48000, 2, 0, &err);
	assert_non_null(e);
	for (int b = 0; b < blocks; b++) {
		int16_t v[BLOCK * 2] = { 0 };

		ope_encoder_write(e, v, BLOCK);
	}
	ope_encoder_drain(e);
	ope_encoder_destroy(e);
	ope_comments_destroy(c);
}

static struct player *new_player(void)
{
	struct player *p;

	assert_int_equal(player_new(&p), 0);
	return p;
}

/* The next piece; NULL if none comes within 2 s. */
static const struct player_piece *next(struct player *p)
{
	const struct player_piece *piece = NULL;

	for (int i = 0; i < 1000 && !(piece = player_take(p)); i++)
		nap();
	return piece;
}

static void expect(struct player *p, int number)
{
	const struct player_piece *piece = next(p);

	assert_non_null(piece);
	assert_int_equal(piece->v[0], number);
	assert_int_equal(piece->v[959], -number);
}

static void files_follow_without_a_gap(void **state)
{
	struct player *p = new_player();
	struct player_status st;
	char name[200];

	(void)state;
	make_wav("a.wav", 40, 1);
	make_wav("b.wav", 30, 101);
	assert_int_equal(player_add(p, temp_path("a.wav")), 0);
	assert_int_equal(player_add(p, temp_path("b.wav")), 0);
	expect(p, 1);
	player_status(p, &st);
	assert_true(st.playing);
	assert_string_equal(st.title, "a");
	assert_int_equal(st.length, 40 * BLOCK);
	assert_int_equal(st.position, BLOCK);
	assert_int_equal(st.queued, 1);
	assert_true(player_queued(p, 0, name, sizeof(name)));
	assert_string_equal(name, temp_path("b.wav"));
	assert_false(player_queued(p, 1, name, sizeof(name)));
	for (int i = 2; i <= 40; i++)
		expect(p, i);
	/* The next file is there by now: not one piece is missing. */
	for (int i = 0; i < 30; i++) {
		const struct player_piece *piece = player_take(p);

		assert_non_null(piece);
		assert_int_equal(piece->v[0], 101 + i);
	}
	player_status(p, &st);
	assert_string_equal(st.title, "b");
	assert_int_equal(st.starved, 0);
	for (int i = 0; i < 1000 && st.playing; i++) {
		nap();
		player_status(p, &st);
	}
	assert_false(st.playing);
	player_free(&p);
}

static void orders(void **state)
{
	struct player *p = new_player();
	struct player_status st;

	(void)state;
	make_wav("long.wav", 2000, 1);
	make_wav("other.wav", 50, 5001);
	player_add(p, temp_path("long.wav"));
	player_add(p, temp_path("other.wav"));
	expect(p, 1);
	player_seek(p, 1000 * BLOCK);
	expect(p, 1001);
	player_seek(p, 10 * BLOCK);
	expect(p, 11);
	player_pause(p, true);
	assert_null(player_take(p));
	assert_false(player_is_on(p));
	player_pause(p, false);
	expect(p, 12);
	player_seek(p, INT64_MAX / 4);          /* past the end: the next file */
	expect(p, 5001);
	player_seek(p, 5 * BLOCK);
	expect(p, 5006);
	player_add(p, temp_path("long.wav"));
	player_next(p);
	expect(p, 1);
	player_stop(p);
	assert_null(player_take(p));
	player_status(p, &st);
	assert_false(st.playing);
	assert_int_equal(st.queued, 0);
	player_add(p, temp_path("other.wav"));
	expect(p, 5001);
	player_free(&p);
}

/* The end of one and the whole of the next are read while the first is heard. */
static void orders_where_more_is_read_than_heard(void **state)
{
	struct player *p = new_player();

	(void)state;
	make_wav("a.wav", 20, 1);
	make_wav("b.wav", 20, 101);
	make_wav("c.wav", 2000, 201);
	for (int i = 0; i < 2; i++) {
		player_add(p, temp_path("a.wav"));
		player_add(p, temp_path("b.wav"));
		player_add(p, temp_path("c.wav"));
		expect(p, 1);
		for (int n = 0; n < 60; n++)
			nap();
		if (i == 0) {
			player_seek(p, 10 * BLOCK);
			expect(p, 11);
			for (int n = 12; n <= 20; n++)
				expect(p, n);
		} else {
			player_stop(p);
			break;
		}
		player_stop(p);
	}
	player_free(&p);
}

static void opus_packets_pass(void **state)
{
	struct player *p = new_player();
	const struct player_piece *piece;
	struct player_status st;
	unsigned pieces = 0, samples = 0, packets = 0;

	(void)state;
	make_opus("s.opus", 100);
	player_add(p, temp_path("s.opus"));
	for (piece = next(p); piece; piece = pieces < 95 ? next(p) : NULL) {
		pieces++;
		if (!piece->packet_len)
			continue;
		packets++;
		samples += piece->packet_samples;
		assert_int_equal(piece->packet_samples % BLOCK, 0);
	}
	/* The first one is cut by the encoder's delay. */
	assert_true(packets >= 45);
	assert_true(samples <= pieces * BLOCK + 960 && samples + 3 * 960 >= pieces * BLOCK);
	player_status(p, &st);
	assert_string_equal(st.title, "Ada - Side B");          /* strangers' tags are cleaned */
	player_free(&p);
}

static void bad_files_are_told_and_passed_over(void **state)
{
	struct player *p = new_player();
	struct player_status st;
	FILE *f = fopen(temp_path("bad.wav"), "w");

	(void)state;
	fputs("RIFF not quite", f);
	fclose(f);
	make_wav("a.wav", 20, 1);
	player_add(p, temp_path("bad.wav"));
	player_add(p, temp_path("gone.wav"));
	player_add(p, temp_path("a.wav"));
	expect(p, 1);
	player_status(p, &st);
	assert_int_equal(st.failed, 2);
	assert_non_null(strstr(st.trouble, "gone.wav"));
	for (int i = 0; i < PLAYER_QUEUE; i++)
		assert_int_equal(player_add(p, "x"), 0);
	assert_int_equal(player_add(p, "x"), -ENOSPC);
	player_free(&p);
}

const struct CMUnitTest test_player[] = {
	cmocka_unit_test_setup_teardown(files_follow_without_a_gap, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(orders, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(orders_where_more_is_read_than_heard, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(opus_packets_pass, temp_setup, temp_teardown),
	cmocka_unit_test_setup_teardown(bad_files_are_told_and_passed_over, temp_setup, temp_teardown),
	{ 0 }
};

/* test_codec.c - Opus as we set it up */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audio/decode.h"
#include "audio/encode.h"
#include "unit/audio/signal.h"
#include "unit/unit.h"

static struct encoder *make(struct encoder_config cfg)
{
	struct encoder *e;

	assert_int_equal(encoder_new(&e, &cfg), 0);
	return e;
}

static void a_frame_of_each_length_tells_its_length(void **state)
{
	static const unsigned n[] = { 480, 960, 1920, 2880 };
	int16_t *v = signal_speech(2880, 1);
	uint8_t out[ENCODE_BYTES];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct encoder *e = make((struct encoder_config){ .complexity = 5 });
		int len = encoder_frame(e, v, n[i], false, out);

		assert_true(len > 2);
		assert_int_equal(decoder_samples(out, (size_t)len), n[i]);
		encoder_free(&e);
	}
	free(v);
}

static double kbps(struct encoder *e, const int16_t *v, int frames)
{
	uint8_t out[ENCODE_BYTES];
	long bytes = 0;

	for (int i = 0; i < frames; i++)
		bytes += encoder_frame(e, v + i * 960, 960, false, out);
	return (double)bytes * 8 / (frames * 20);
}

static void the_bitrate_is_kept_and_can_be_moved(void **state)
{
	int16_t *v = signal_speech(960 * 100, 4);
	struct encoder *e = make((struct encoder_config){ .complexity = 5 });
	double at32 = kbps(e, v, 100), at12;

	(void)state;
	encoder_set_bitrate(e, 12000);
	at12 = kbps(e, v, 100);
	assert_true(at32 > 24 && at32 < 36);
	assert_true(at12 > 8 && at12 < 15);
	encoder_free(&e);
	free(v);
}

static int with_fec(struct encoder *e, const int16_t *v, int frames)
{
	uint8_t out[ENCODE_BYTES];
	int n = 0;

	for (int i = 0; i < frames; i++) {
		int len = encoder_frame(e, v + i * 960, 960, false, out);

		n += len > 0 && decoder_has_fec(out, (size_t)len);
	}
	return n;
}

static void copies_are_sent_where_the_plan_says(void **state)
{
	int16_t *v = signal_speech(960 * 60, 6);
	struct encoder *e = make((struct encoder_config){ .complexity = 5 });

	(void)state;
	assert_int_equal(with_fec(e, v, 50), 0);
	encoder_set_fec(e, 15);
	assert_true(with_fec(e, v, 60) > 20);
	encoder_set_fec(e, 0);
	with_fec(e, v, 2);
	assert_int_equal(with_fec(e, v, 50), 0);
	encoder_free(&e);
	free(v);
}

static void a_packet_is_no_larger_than_it_may_be(void **state)
{
	int16_t *v = signal_speech(2880 * 20, 6);
	struct encoder *e = make((struct encoder_config){ .complexity = 5, .bitrate = 64000 });
	uint8_t out[ENCODE_BYTES];

	(void)state;
	for (int i = 0; i < 20; i++) {
		int len = encoder_frame_max(e, v + i * 2880, 2880, false, out, 40);

		assert_in_range(len, 3, 40);
		assert_int_equal(decoder_samples(out, (size_t)len), 2880);
	}
	assert_int_equal(encoder_pause(e, out), 1);
	assert_in_range(decoder_samples(out, 1), 960, 2880);
	encoder_free(&e);
	free(v);
}

static void digital_silence_costs_a_byte(void **state)
{
	int16_t *zero = calloc(960, sizeof(*zero));
	struct encoder *e = make((struct encoder_config){ .complexity = 9 });
	uint8_t out[ENCODE_BYTES];
	int small = 0;

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_true(encoder_frame(e, zero, 960, true, out) > 0);
	for (int i = 0; i < 100; i++)
		small += encoder_frame(e, zero, 960, true, out) <= 2;
	assert_true(small > 80);
	encoder_free(&e);
	free(zero);
}

static void with_dtx_silence_is_not_sent(void **state)
{
	int16_t *zero = calloc(960, sizeof(*zero));
	struct encoder *e = make((struct encoder_config){ .complexity = 9, .dtx = true });
	uint8_t out[ENCODE_BYTES];
	int sent = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		sent += encoder_frame(e, zero, 960, true, out) > 0;
	assert_true(sent < 40);
	encoder_free(&e);
	free(zero);
}

static void broken_packets_are_told(void **state)
{
	static const uint8_t bad[][4] = { { 0xff }, { 0x03 }, { 0x0b, 0xff, 0xff, 0xff } };
	int16_t out[DECODE_MAX];
	struct decoder *d;

	(void)state;
	assert_int_equal(decoder_new(&d), 0);
	assert_int_equal(decoder_samples(bad[0], 0), -EBADMSG);
	for (int i = 0; i < 3; i++)
		assert_int_equal(decoder_samples(bad[i], i == 2 ? 4 : 1), -EBADMSG);
	assert_false(decoder_has_fec(bad[0], 0));
	assert_int_equal(decoder_packet(d, bad[1], 1, out), -EBADMSG);
	decoder_free(&d);
}

const struct CMUnitTest test_codec[] = {
	cmocka_unit_test(a_frame_of_each_length_tells_its_length),
	cmocka_unit_test(the_bitrate_is_kept_and_can_be_moved),
	cmocka_unit_test(copies_are_sent_where_the_plan_says),
	cmocka_unit_test(a_packet_is_no_larger_than_it_may_be),
	cmocka_unit_test(digital_silence_costs_a_byte),
	cmocka_unit_test(with_dtx_silence_is_not_sent),
	cmocka_unit_test(broken_packets_are_told),
	{0}
};

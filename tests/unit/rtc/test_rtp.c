/* test_rtp.c - packets as other stacks write them, and broken ones */
#include "rtc/rtp.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "unit/unit.h"

static void first_bytes_tell_what_a_datagram_is(void **state)
{
	static const struct { uint8_t a, b; enum packet_kind kind; } v[] = {
		{ 0, 1, PACKET_STUN }, { 3, 0, PACKET_STUN }, { 4, 0, PACKET_UNKNOWN },
		{ 19, 0, PACKET_UNKNOWN }, { 20, 254, PACKET_DTLS }, { 63, 0, PACKET_DTLS },
		{ 64, 0, PACKET_UNKNOWN }, { 127, 0, PACKET_UNKNOWN },
		{ 128, 111, PACKET_RTP }, { 144, 239, PACKET_RTP }, { 128, 200, PACKET_RTCP },
		{ 191, 206, PACKET_RTCP }, { 128, 191, PACKET_RTP }, { 128, 224, PACKET_RTP },
		{ 192, 0, PACKET_UNKNOWN }, { 255, 200, PACKET_UNKNOWN },
	};
	uint8_t p[20] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		p[0] = v[i].a;
		p[1] = v[i].b;
		assert_int_equal(packet_classify(p, sizeof(p)), v[i].kind);
	}
	assert_int_equal(packet_classify(p, 0), PACKET_UNKNOWN);
	p[0] = 128;
	assert_int_equal(packet_classify(p, 3), PACKET_UNKNOWN);
}

static void header_comes_back_as_written(void **state)
{
	uint8_t p[64];
	struct rtp r;
	size_t n;
	int level = 99;
	bool voice = false;

	(void)state;
	n = rtp_write_header(p, 111, true, 0xFFFE, 0x89ABCDEF, 0xDEADBEEF, 1, -42, true);
	assert_int_equal(n, 20);
	memcpy(p + n, "sound", 5);
	assert_int_equal(rtp_parse(&r, p, n + 5), 0);
	assert_true(r.marker);
	assert_int_equal(r.pt, 111);
	assert_int_equal(r.seq, 0xFFFE);
	assert_int_equal(r.timestamp, 0x89ABCDEF);
	assert_int_equal(r.ssrc, 0xDEADBEEF);
	assert_int_equal(r.payload_len, 5);
	assert_memory_equal(r.payload, "sound", 5);
	assert_true(rtp_audio_level(&r, 1, &level, &voice));
	assert_int_equal(level, -42);
	assert_true(voice);
	assert_false(rtp_audio_level(&r, 2, &level, &voice));

	n = rtp_write_header(p, 111, false, 1, 2, 3, 0, -42, true);
	assert_int_equal(n, 12);
	assert_int_equal(rtp_parse(&r, p, n), 0);
	assert_int_equal(r.payload_len, 0);
	assert_false(rtp_audio_level(&r, 1, &level, &voice));
}

static void level_is_held_to_what_the_field_takes(void **state)
{
	static const struct { int in, out; } v[] = { { 0, 0 }, { 5, 0 }, { -127, -127 }, { -400, -127 } };
	uint8_t p[32];
	struct rtp r;
	int level;
	bool voice;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		for (unsigned id = 1; id < 256; id += 13) {
			size_t n = rtp_write_header(p, 0, false, 0, 0, 0, (uint8_t)id, v[i].in, false);

			if (id == 15)
				continue;
			assert_int_equal(rtp_parse(&r, p, n), 0);
			assert_true(rtp_audio_level(&r, (uint8_t)id, &level, &voice));
			assert_int_equal(level, v[i].out);
			assert_false(voice);
		}
}

/* RFC 8285 section 4.2 and 4.3: the examples' layout. */
static void extensions_of_both_forms_are_found(void **state)
{
	static const uint8_t one[] = {
		0x90, 0x6F, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2,
		0xBE, 0xDE, 0, 3,
		0x10, 0x8A, 0x00, 0x00,         /* id 1, one byte, padding */
		0x52, 0x01, 0x02, 0x03,         /* id 5, three bytes */
		0xF0, 0x00, 0x31, 0x07,         /* 15 ends it, id 3 is not seen */
		'x',
	};
	static const uint8_t two[] = {
		0xB1, 0x6F, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9,
		0x10, 0x03, 0, 2,
		0x07, 0x00, 0x00, 0x15,         /* id 7, empty; padding; id 21 */
		0x02, 0xAA, 0xBB, 0x00,
		'x', 'y', 0, 2,
	};
	struct rtp r;
	const uint8_t *e;
	size_t n;
	int level;
	bool voice;

	(void)state;
	assert_int_equal(rtp_parse(&r, one, sizeof(one)), 0);
	assert_int_equal(r.payload_len, 1);
	assert_true(rtp_audio_level(&r, 1, &level, &voice));
	assert_int_equal(level, -10);
	assert_true(voice);
	e = rtp_ext_find(&r, 5, &n);
	assert_non_null(e);
	assert_int_equal(n, 3);
	assert_int_equal(e[2], 3);
	assert_null(rtp_ext_find(&r, 3, &n));
	assert_null(rtp_ext_find(&r, 0, &n));

	assert_int_equal(rtp_parse(&r, two, sizeof(two)), 0);
	assert_int_equal(r.header_len, 28);
	assert_int_equal(r.payload_len, 2);     /* two bytes of padding gone */
	e = rtp_ext_find(&r, 7, &n);
	assert_non_null(e);
	assert_int_equal(n, 0);
	assert_false(rtp_audio_level(&r, 7, &level, &voice));
	e = rtp_ext_find(&r, 21, &n);
	assert_non_null(e);
	assert_int_equal(n, 2);
	assert_int_equal(e[1], 0xBB);
}

static void broken_packets_are_refused(void **state)
{
	uint8_t p[40];
	struct rtp r;
	size_t n = rtp_write_header(p, 111, false, 1, 2, 3, 1, -1, false);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rtp_parse(&r, p, i), -EBADMSG);
	assert_int_equal(rtp_parse(&r, p, n), 0);
	p[0] = 0x40 | (p[0] & 0x3F);
	assert_int_equal(rtp_parse(&r, p, n), -EBADMSG);
	p[0] = 0x9F;                                    /* fifteen CSRCs that are not there */
	assert_int_equal(rtp_parse(&r, p, n), -EBADMSG);
	p[0] = 0xB0;
	p[20] = 0;                                      /* padding of no bytes */
	assert_int_equal(rtp_parse(&r, p, 21), -EBADMSG);
	p[20] = 2;                                      /* more than there are */
	assert_int_equal(rtp_parse(&r, p, 21), -EBADMSG);
	p[20] = 1;
	assert_int_equal(rtp_parse(&r, p, 21), 0);
	assert_int_equal(r.payload_len, 0);
}

struct blocks { char text[200]; };

static void note_block(void *ctx, uint8_t pt, uint32_t timestamp, const uint8_t *p, size_t len, bool primary)
{
	struct blocks *b = ctx;
	size_t at = strlen(b->text);

	snprintf(b->text + at, sizeof(b->text) - at, "%u@%u=%.*s%s ", pt, timestamp,
		 (int)len, (const char *)p, primary ? "!" : "");
}

static void redundancy_is_unpacked_oldest_first(void **state)
{
	/* RFC 2198 section 4's layout: two old blocks and the primary. */
	static const uint8_t p[] = {
		0x80 | 111, 1920 >> 6, (1920 & 0x3F) << 2 | 0, 3,
		0x80 | 111, 960 >> 6, (960 & 0x3F) << 2 | 0, 2,
		111, 'o', 'l', 'd', 'e', 'r', 'n', 'e', 'w',
	};
	struct blocks b = {""};

	(void)state;
	assert_int_equal(rtp_red_parse(p, sizeof(p), 10000, note_block, &b), 0);
	assert_string_equal(b.text, "111@8080=old 111@9040=er 111@10000=new! ");
	b.text[0] = 0;
	assert_int_equal(rtp_red_parse(p + 8, 4, 7, note_block, &b), 0);
	assert_string_equal(b.text, "111@7=old! ");
}

static void a_copy_is_written_as_it_is_read(void **state)
{
	uint8_t p[RTP_RED_HEADER + 5] = { 0 };
	struct blocks b = {""};

	(void)state;
	memcpy(p + RTP_RED_HEADER, "oldme", 5);
	assert_int_equal(rtp_red_write_header(p, 111, 960, 3), 0);
	assert_int_equal(rtp_red_parse(p, sizeof(p), 10000, note_block, &b), 0);
	assert_string_equal(b.text, "111@9040=old 111@10000=me! ");
	assert_int_equal(rtp_red_write_header(p, 111, 16383, 1023), 0);
	assert_int_equal(rtp_red_write_header(p, 111, 0, 3), -EINVAL);
	assert_int_equal(rtp_red_write_header(p, 111, 1 << 14, 3), -EINVAL);
	assert_int_equal(rtp_red_write_header(p, 111, 960, 1024), -EINVAL);
}

static void broken_redundancy_gives_nothing(void **state)
{
	static const uint8_t p[] = { 0x80 | 111, 0x0F, 0x00, 3, 111, 'o', 'l', 'd' };
	struct blocks b = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(p); i++)
		assert_int_equal(rtp_red_parse(p, i, 0, note_block, &b), -EBADMSG);
	assert_string_equal(b.text, "");
	assert_int_equal(rtp_red_parse(p, sizeof(p), 0, note_block, &b), 0);
}

const struct CMUnitTest test_rtp[] = {
	cmocka_unit_test(first_bytes_tell_what_a_datagram_is),
	cmocka_unit_test(header_comes_back_as_written),
	cmocka_unit_test(level_is_held_to_what_the_field_takes),
	cmocka_unit_test(extensions_of_both_forms_are_found),
	cmocka_unit_test(broken_packets_are_refused),
	cmocka_unit_test(redundancy_is_unpacked_oldest_first),
	cmocka_unit_test(a_copy_is_written_as_it_is_read),
	cmocka_unit_test(broken_redundancy_gives_nothing),
	{0}
};

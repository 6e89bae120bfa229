/* test_srtp.c - packets that get through, and those that must not */
#include "rtc/srtp.h"
#include <errno.h>
#include <string.h>
#include "rtc/rtp.h"
#include "rtc/rtcp.h"
#include "unit/unit.h"

static void make_boxes(struct srtp_box **a, struct srtp_box **b, enum dtls_profile profile)
{
	struct dtls_keys k = { .profile = profile, .len = profile == DTLS_SRTP_GCM_128 ? 28 : 30 };
	struct dtls_keys back;

	for (unsigned i = 0; i < 30; i++) {
		k.send[i] = (uint8_t)(i * 7 + 1);
		k.recv[i] = (uint8_t)(i * 5 + 3);
	}
	back = k;
	memcpy(back.send, k.recv, 30);
	memcpy(back.recv, k.send, 30);
	assert_int_equal(srtp_box_new(a, &k), 0);
	assert_int_equal(srtp_box_new(b, &back), 0);
}

static size_t make_packet(uint8_t *p, uint16_t seq, uint32_t ssrc, size_t payload)
{
	size_t n = rtp_write_header(p, 111, false, seq, seq * 960u, ssrc, 1, -20, true);

	memset(p + n, 0x5A, payload);
	return n + payload;
}

static void packets_get_through_once(void **state)
{
	for (int profile = DTLS_SRTP_GCM_128; profile <= DTLS_SRTP_CM_80; profile++) {
		struct srtp_box *a, *b;
		uint8_t p[256], clear[256], again[256];
		size_t tag = profile == DTLS_SRTP_GCM_128 ? 16 : 10;

		(void)state;
		make_boxes(&a, &b, profile);
		for (unsigned seq = 65530; seq < 65530 + 20; seq++) {
			size_t n = make_packet(p, (uint16_t)seq, 77, 60), len = n, twice;

			memcpy(clear, p, n);
			assert_int_equal(srtp_box_protect(a, p, &len), 0);
			assert_int_equal(len, n + tag);
			assert_memory_not_equal(p + 20, clear + 20, 60);
			memcpy(again, p, len);
			twice = len;
			assert_int_equal(srtp_box_unprotect(b, p, &len), 0);
			assert_int_equal(len, n);
			assert_memory_equal(p, clear, n);
			assert_int_equal(srtp_box_unprotect(b, again, &twice), -EALREADY);
		}
		srtp_box_free(&a);
		srtp_box_free(&b);
	}
}

static void changed_packets_are_refused(void **state)
{
	(void)state;
	for (int profile = DTLS_SRTP_GCM_128; profile <= DTLS_SRTP_CM_80; profile++) {
		struct srtp_box *a, *b;
		uint8_t p[256], bad[256];
		size_t len, n;

		make_boxes(&a, &b, profile);
		len = make_packet(p, 1, 77, 30);
		assert_int_equal(srtp_box_protect(a, p, &len), 0);
		for (size_t i = 2; i < len; i++) {
			memcpy(bad, p, len);
			bad[i] ^= 0x10;
			n = len;
			assert_true(srtp_box_unprotect(b, bad, &n) < 0);
		}
		for (size_t i = 0; i < len; i++) {
			memcpy(bad, p, len);
			n = i;
			assert_true(srtp_box_unprotect(b, bad, &n) < 0);
		}
		memcpy(bad, p, len);
		assert_int_equal(srtp_box_unprotect(a, bad, &len), -EBADMSG); /* the other direction's key */
		srtp_box_free(&a);
		srtp_box_free(&b);
	}
}

static void reports_are_protected_as_well(void **state)
{
	(void)state;
	for (int profile = DTLS_SRTP_GCM_128; profile <= DTLS_SRTP_CM_80; profile++) {
		struct srtp_box *a, *b;
		uint8_t p[128], clear[128], again[128], bad[128];
		size_t len = 0, n, twice;

		make_boxes(&a, &b, profile);
		rtcp_write_rr(p, sizeof(p), &len, 5, NULL, 0);
		rtcp_write_sdes(p, sizeof(p), &len, 5, "x");
		n = len;
		memcpy(clear, p, n);
		assert_int_equal(srtp_box_protect_rtcp(a, p, &len), 0);
		assert_int_equal(len, n + 4 + (profile == DTLS_SRTP_GCM_128 ? 16 : 10));
		memcpy(again, p, len);
		twice = len;
		for (size_t i = 0; i < len; i++) {
			size_t cut = i;

			memcpy(bad, p, len);
			assert_true(srtp_box_unprotect_rtcp(b, bad, &cut) < 0);
		}
		assert_int_equal(srtp_box_unprotect_rtcp(b, p, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(p, clear, n);
		assert_int_equal(srtp_box_unprotect_rtcp(b, again, &twice), -EALREADY);
		srtp_box_free(&a);
		srtp_box_free(&b);
	}
}

/* A peer with the keys that invents SSRCs: old states go, and the stream of
 * a given-up SSRC can start anew. */
static void endless_sources_do_not_fill_the_memory(void **state)
{
	struct srtp_box *a, *b;
	uint8_t p[128], first[128];
	size_t len, first_len = 0;

	(void)state;
	make_boxes(&a, &b, DTLS_SRTP_GCM_128);
	for (uint32_t ssrc = 1; ssrc <= 1500; ssrc++) {
		len = make_packet(p, 9, ssrc, 20);
		assert_int_equal(srtp_box_protect(a, p, &len), 0);
		if (ssrc == 1) {
			memcpy(first, p, len);
			first_len = len;
		}
		assert_int_equal(srtp_box_unprotect(b, p, &len), 0);
	}
	/* Its state is gone, so it is no replay any more. */
	assert_int_equal(srtp_box_unprotect(b, first, &first_len), 0);
	srtp_box_free(&a);
	srtp_box_free(&b);
}

const struct CMUnitTest test_srtp[] = {
	cmocka_unit_test(packets_get_through_once),
	cmocka_unit_test(changed_packets_are_refused),
	cmocka_unit_test(reports_are_protected_as_well),
	cmocka_unit_test(endless_sources_do_not_fill_the_memory),
	{0}
};

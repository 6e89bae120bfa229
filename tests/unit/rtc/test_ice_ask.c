/* test_ice_ask.c - does the other side hear us?  With time passed in */
#include "rtc/ice_ask.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <stun/usages/ice.h>
#include "unit/unit.h"

#define SEC INT64_C(1000000)

static const char pwd[] = "0123456789abcdefghijkl", other_pwd[] = "lkjihgfedcba9876543210";

static bool give_password(StunAgent *agent, StunMessage *msg, uint8_t *name, uint16_t name_len,
			  uint8_t **key, size_t *key_len, void *ctx)
{
	(void)agent;
	(void)msg;
	assert_int_equal(name_len, 9);
	assert_memory_equal(name, "bbbb:aaaa", 9);
	*key = ctx;
	*key_len = strlen(ctx);
	return true;
}

/* What a bridge with this password says to the question. */
static size_t answer(uint8_t *out, size_t size, const uint8_t *p, size_t len, const char *key)
{
	struct sockaddr_storage from = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&from;
	StunMessage rq, re;
	StunAgent agent;
	bool control = true;
	size_t n = size;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	stun_agent_init(&agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	/* The question is right; the answer is signed with the key of it. */
	assert_int_equal(stun_agent_validate(&agent, &rq, p, len, give_password, (void *)(uintptr_t)pwd),
			 STUN_VALIDATION_SUCCESS);
	rq.key = (uint8_t *)(uintptr_t)key;
	rq.key_len = strlen(key);
	assert_int_equal(stun_usage_ice_conncheck_create_reply(&agent, &rq, &re, out, &n, &from, sizeof(*in),
							       &control, 7, STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
			 STUN_USAGE_ICE_RETURN_SUCCESS);
	return n;
}

static void test_answered(void **state)
{
	uint8_t re[256] = { 0 };
	struct ice_ask *a;
	const uint8_t *p;
	size_t len, n;

	(void)state;
	assert_int_equal(ice_ask_new(&a, "aaaa", "bbbb", pwd), 0);
	len = ice_ask_tick(a, true, false, &p, SEC);
	assert_in_range(len, 80, 120);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 2 * SEC), len);
	n = answer(re, sizeof(re), p, len, pwd);
	ice_ask_look(a, re, n, 2 * SEC);
	/* 4 s of rest, at some 100 bytes: 250 bit/s. */
	for (int s = 3; s < 6; s++)
		assert_int_equal(ice_ask_tick(a, true, false, &p, s * SEC), 0);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 6 * SEC), len);
	/* An old answer is none; one that a relay carries is. */
	ice_ask_look(a, re, n, 6 * SEC);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 7 * SEC), len);
	n = answer(re + 36, sizeof(re) - 36, p, len, pwd);
	memset(re, 0x17, 36);
	for (size_t cut = 0; cut < 36 + n; cut++)
		ice_ask_look(a, re, cut, 7 * SEC);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 8 * SEC), len);
	ice_ask_look(a, re, 36 + n, 8 * SEC);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 9 * SEC), 0);
	/* Where there is sound, nothing is asked. */
	assert_int_equal(ice_ask_tick(a, false, false, &p, 20 * SEC), 0);
	assert_int_equal(ice_ask_tick(a, true, false, &p, 21 * SEC), len);
	assert_int_equal(ice_ask_tick(a, false, false, &p, 22 * SEC), 0);
	assert_false(ice_ask_unheard(a));
	ice_ask_free(&a);
}

static void test_unheard(void **state)
{
	uint8_t re[256];
	struct ice_ask *a;
	const uint8_t *p;
	size_t len = 0, n;

	(void)state;
	assert_int_equal(ice_ask_new(&a, "aaaa", "bbbb", pwd), 0);
	for (int s = 100; s < 109; s++) {
		len = ice_ask_tick(a, true, false, &p, s * SEC);
		assert_true(len > 0);
		assert_false(ice_ask_unheard(a));
	}
	len = ice_ask_tick(a, true, false, &p, 109 * SEC);
	assert_true(ice_ask_unheard(a));
	/* Asked on, whatever there is to send; who answers with another password is nobody. */
	len = ice_ask_tick(a, false, false, &p, 110 * SEC);
	assert_true(len > 0);
	n = answer(re, sizeof(re), p, len, other_pwd);
	ice_ask_look(a, re, n, 110 * SEC);
	assert_true(ice_ask_unheard(a));
	n = answer(re, sizeof(re), p, len, pwd);
	ice_ask_look(a, re, n, 110 * SEC);
	assert_false(ice_ask_unheard(a));
	ice_ask_free(&a);
	/* The loop stood still: two questions are no silence. */
	assert_int_equal(ice_ask_new(&a, "aaaa", "bbbb", pwd), 0);
	assert_true(ice_ask_tick(a, true, false, &p, SEC) > 0);
	assert_true(ice_ask_tick(a, true, false, &p, 60 * SEC) > 0);
	assert_false(ice_ask_unheard(a));
	ice_ask_free(&a);
	assert_int_equal(ice_ask_new(&a, "aaaa", "bbbb", pwd), 0);
	ice_ask_free(&a);
	ice_ask_free(&a);
}

/* Two hours of silence at 20 % of loss in each direction, five seconds without
 * a line now and then. */
static void test_lossy(void **state)
{
	uint32_t seed = 1;
	unsigned asked = 0;
	struct ice_ask *a;

	(void)state;
	assert_int_equal(ice_ask_new(&a, "aaaa", "bbbb", pwd), 0);
	for (int64_t s = 1; s < 7200; s++) {
		uint8_t re[256];
		const uint8_t *p;
		size_t len = ice_ask_tick(a, true, false, &p, s * SEC);
		bool lost = s % 300 < 5;

		for (int way = 0; way < 2; way++) {
			seed = seed * 1664525 + 1013904223;
			lost |= seed >> 8 < (1u << 24) / 5;
		}
		asked += len > 0;
		if (len && !lost)
			ice_ask_look(a, re, answer(re, sizeof(re), p, len, pwd), s * SEC);
		assert_false(ice_ask_unheard(a));
	}
	assert_in_range(asked, 7200 / 4, 7200 / 2);
	ice_ask_free(&a);
}

static void test_long_names(void **state)
{
	char name[200];
	struct ice_ask *a;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(ice_ask_new(&a, "aaaa", name, pwd), -EINVAL);
	assert_null(a);
}

const struct CMUnitTest test_ice_ask[] = {
	cmocka_unit_test(test_answered), cmocka_unit_test(test_unheard), cmocka_unit_test(test_lossy),
	cmocka_unit_test(test_long_names), {0}
};

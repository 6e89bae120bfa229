/* test_colibri.c - the bridge channel against recordings, hostile text, OOM */
#include "rtc/colibri.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/unit.h"

struct tally { unsigned lines, cls[COLIBRI_VIDEO_MAP + 1], speakers, constrained, mapped; };

static void take(struct tally *t, const char *text)
{
	struct colibri c;

	t->lines++;
	assert_int_equal(colibri_parse(&c, text, strlen(text)), 0);
	t->cls[c.cls]++;
	switch (c.cls) {
	case COLIBRI_DOMINANT:
		assert_int_equal(strlen(c.endpoint), 8);
		t->speakers += (unsigned)c.previous_count;
		break;
	case COLIBRI_RECEIVER_CONSTRAINTS:
		t->constrained += (unsigned)c.constraints;
		break;
	case COLIBRI_ENDPOINT_MESSAGE:
		assert_non_null(c.payload);
		assert_int_equal(c.payload[0], '{');
		break;
	case COLIBRI_CONNECTION_STATS:
		assert_true(c.bandwidth_bps > 10000);
		break;
	case COLIBRI_VIDEO_MAP:
	case COLIBRI_AUDIO_MAP:
		assert_true(c.maps > 0 && c.map[0].ssrc);
		assert_int_equal(strncmp(c.map[0].source, c.map[0].owner, 8), 0);
		t->mapped += (unsigned)c.maps;
		break;
	case COLIBRI_SENDER_CONSTRAINTS:
	case COLIBRI_VIDEO_TYPE:
		assert_true(*c.source || *c.video_type);
		break;
	default:
		break;
	}
	colibri_clear(&c);
}

static void take_file(struct tally *t, const char *name)
{
	char path[300];
	size_t len;
	char *all, *line, *end;

	snprintf(path, sizeof(path), "recorded/%s", name);
	all = unit_data(path, &len);
	for (line = all; *line; line = end + 1) {
		json_t *o;
		const char *dir;

		end = strchr(line, '\n');
		o = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_non_null(o);
		dir = json_string_value(json_object_get(o, "dir"));
		if (!strcmp(json_string_value(json_object_get(o, "ch")), "bridge") &&
		    (!strcmp(dir, "in") || !strcmp(dir, "out")))
			take(t, json_string_value(json_object_get(o, "data")));
		json_decref(o);
	}
	free(all);
}

static void every_recorded_message_is_understood(void **state)
{
	struct tally t = {0};
	struct dirent *e;
	DIR *d = opendir("tests/data/recorded");

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d)))
		if (strstr(e->d_name, ".jsonl"))
			take_file(&t, e->d_name);
	closedir(d);
	/* What grep counts in them. */
	assert_true(t.lines > 600);
	assert_int_equal(t.cls[COLIBRI_UNKNOWN], 0);
	assert_int_equal(t.cls[COLIBRI_DOMINANT], 217);
	assert_int_equal(t.cls[COLIBRI_CONNECTIVITY], 4);
	assert_int_equal(t.cls[COLIBRI_ENDPOINT_MESSAGE], 9);
	assert_int_equal(t.cls[COLIBRI_ENDPOINT_STATS], 133);
	assert_int_equal(t.cls[COLIBRI_CONNECTION_STATS], 58);
	assert_int_equal(t.cls[COLIBRI_RECEIVER_CONSTRAINTS], 51);
	assert_int_equal(t.cls[COLIBRI_AUDIO_SUBSCRIPTION], 5);
	assert_int_equal(t.cls[COLIBRI_SENDER_CONSTRAINTS], 16);
	assert_int_equal(t.cls[COLIBRI_AUDIO_MAP] + t.cls[COLIBRI_VIDEO_MAP], 42);
	assert_int_equal(t.cls[COLIBRI_VIDEO_TYPE], 10);
	assert_true(t.speakers && t.mapped);
}

static int parse(struct colibri *c, const char *text)
{
	return colibri_parse(c, text, strlen(text));
}

static void constraints_keep_what_was_absent_apart(void **state)
{
	struct colibri c;

	(void)state;
	assert_int_equal(parse(&c, "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":2,"
		"\"selectedSources\":[\"a-v0\"],\"onStageSources\":[],"
		"\"defaultConstraints\":{\"maxHeight\":180,\"maxFrameRate\":15},"
		"\"constraints\":{\"b-v1\":{\"maxHeight\":720},\"\":{\"maxHeight\":1}},"
		"\"assumedBandwidthBps\":-1}"), 0);
	assert_true(c.has_last_n && c.has_selected && c.has_on_stage && c.has_default && c.has_constraints);
	assert_int_equal(c.last_n, 2);
	assert_int_equal(c.selected_count, 1);
	assert_string_equal(c.selected[0], "a-v0");
	assert_int_equal(c.on_stage_count, 0);
	assert_int_equal(c.def.max_height, 180);
	assert_true(c.def.max_fps == 15.0);
	assert_int_equal(c.constraints, 1);
	assert_string_equal(c.constraint[0].name, "b-v1");
	assert_int_equal(c.constraint[0].max_height, 720);
	assert_true(c.constraint[0].max_fps == -1.0);
	colibri_clear(&c);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":0}"), 0);
	assert_true(c.has_last_n && !c.has_selected && !c.has_default && !c.has_constraints);
	colibri_clear(&c);
}

static void subscriptions_of_both_forms(void **state)
{
	struct colibri c;

	(void)state;
	assert_int_equal(parse(&c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"all\":true,"
		"\"include\":[\"x-a0\",7],\"exclude\":[\"y-a0\",\"z-a0\"]}"), 0);
	assert_true(c.all);
	assert_int_equal(c.includes, 1);
	assert_int_equal(c.excludes, 2);
	assert_string_equal(c.exclude[1], "z-a0");
	colibri_clear(&c);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"mode\":\"Exclude\","
		"\"list\":[\"y-a0\"]}"), 0);
	assert_true(c.all);
	assert_int_equal(c.excludes, 1);
	colibri_clear(&c);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"ReceiverAudioSubscription\",\"mode\":\"Include\","
		"\"list\":[\"y-a0\"]}"), 0);
	assert_false(c.all);
	assert_int_equal(c.includes, 1);
	colibri_clear(&c);
}

static void nonsense_is_refused_or_counts_as_absent(void **state)
{
	static const char *const bad[] = {
		"", "x", "[]", "{}", "7", "{\"colibriClass\":7}", "{\"colibriClass\":\"ServerHello\"",
		"{\"colibriClass\":\"ServerHello\"}{}", "{\"colibriClass\":\"\xFF\"}",
	};
	struct colibri c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(&c, bad[i]), -EINVAL);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"SomethingNew\",\"x\":[{}]}"), 0);
	assert_int_equal(c.cls, COLIBRI_UNKNOWN);
	colibri_clear(&c);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"DominantSpeakerEndpointChangeEvent\","
		"\"dominantSpeakerEndpoint\":[1],\"previousSpeakers\":{\"a\":\"b\"},\"silence\":\"yes\"}"), 0);
	assert_string_equal(c.endpoint, "");
	assert_int_equal(c.previous_count, 0);
	assert_false(c.silence);
	colibri_clear(&c);
	/* An id longer than any is not cut to somebody else's. */
	assert_int_equal(parse(&c, "{\"colibriClass\":\"EndpointConnectivityStatusChangeEvent\",\"active\":true,"
		"\"endpoint\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"), 0);
	assert_string_equal(c.endpoint, "");
	assert_true(c.active);
	colibri_clear(&c);
	assert_int_equal(parse(&c, "{\"colibriClass\":\"AudioSourcesMap\",\"mappedSources\":["
		"{\"source\":\"a-a0\",\"owner\":\"a\",\"ssrc\":4294967295},"
		"{\"source\":\"b-a0\",\"owner\":\"b\",\"ssrc\":4294967296},"
		"{\"source\":\"c-a0\",\"owner\":\"c\",\"ssrc\":-1},7]}"), 0);
	assert_int_equal(c.maps, 1);
	assert_int_equal(c.map[0].ssrc, 4294967295u);
	colibri_clear(&c);
}

static void from_is_set_by_the_bridge_alone(void **state)
{
	static const char text[] = "{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"from\":\"liar\","
		"\"msgPayload\":{\"n\":1.5}}";
	struct colibri c;
	char *s = colibri_with_from(text, strlen(text), "5b0c9e17");

	(void)state;
	assert_non_null(s);
	assert_int_equal(parse(&c, s), 0);
	assert_string_equal(c.from, "5b0c9e17");
	assert_string_equal(c.payload, "{\"n\":1.5}");
	colibri_clear(&c);
	free(s);
	assert_null(colibri_with_from("[]", 2, "x"));
}

static void messages_are_written_as_a_bridge_writes_them(void **state)
{
	static const char *const names[] = { "77aa01c9", "c0ffee11" };
	struct buf b = {0};

	(void)state;
	assert_int_equal(colibri_write_hello(&b, true), 0);
	assert_int_equal(colibri_write_hello(&b, false), 0);
	assert_int_equal(colibri_write_dominant(&b, "5b0c9e17", names, 2), 0);
	assert_int_equal(colibri_write_connectivity(&b, "77aa01c9", false), 0);
	assert_int_equal(colibri_write_forwarded(&b, names, 0), 0);
	assert_int_equal(colibri_write_sender_constraints(&b, "77aa01c9-v0", 720), 0);
	assert_int_equal(colibri_write_last_n(&b, 0), 0);
	assert_int_equal(colibri_write_connection_stats(&b, 2500000), 0);
	assert_int_equal(colibri_write_endpoint_message(&b, "", "{\"a\": [1, 2]}"), 0);
	assert_string_equal(buf_str(&b),
		"{\"colibriClass\":\"ServerHello\"}"
		"{\"colibriClass\":\"ClientHello\"}"
		"{\"colibriClass\":\"DominantSpeakerEndpointChangeEvent\",\"dominantSpeakerEndpoint\":\"5b0c9e17\","
		"\"previousSpeakers\":[\"77aa01c9\",\"c0ffee11\"],\"silence\":false}"
		"{\"colibriClass\":\"EndpointConnectivityStatusChangeEvent\",\"endpoint\":\"77aa01c9\",\"active\":\"false\"}"
		"{\"colibriClass\":\"ForwardedSources\",\"forwardedSources\":[]}"
		"{\"colibriClass\":\"SenderSourceConstraints\",\"sourceName\":\"77aa01c9-v0\",\"maxHeight\":720}"
		"{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":0}"
		"{\"colibriClass\":\"ConnectionStats\",\"estimatedDownlinkBandwidth\":2500000}"
		"{\"colibriClass\":\"EndpointMessage\",\"to\":\"\",\"msgPayload\":{\"a\":[1,2]}}");
	buf_free(&b);
}

static void stats_are_whole_numbers_and_read_back(void **state)
{
	struct buf b = {0};
	struct colibri c;

	(void)state;
	assert_int_equal(colibri_write_endpoint_stats(&b, 33.4, 90.6, 1.2, 0, 99.7, 38.4), 0);
	assert_int_equal(colibri_parse(&c, b.p, b.len), 0);
	assert_int_equal(c.cls, COLIBRI_ENDPOINT_STATS);
	assert_true(c.upload == 33 && c.download == 91 && c.loss_up == 1 && c.loss_down == 0);
	assert_true(c.quality == 100 && c.rtt == 38);
	colibri_clear(&c);
	buf_clear(&b);
	assert_int_equal(colibri_write_endpoint_stats(&b, 0, 0, 0, 0, 100, -1), 0);
	assert_null(strstr(buf_str(&b), "jvbRTT"));
	buf_free(&b);
}

static void writers_refuse_what_is_no_text(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(colibri_write_connectivity(&b, "\xFF", true), -EINVAL);
	assert_int_equal(colibri_write_endpoint_message(&b, "x", "[1]"), -EINVAL);
	assert_int_equal(colibri_write_endpoint_message(&b, "x", "{"), -EINVAL);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

/* ---- memory that ends ---- */

/* jansson's allocator is the process's: a countdown in a static, set back. */
static long left = -1;

static void *counted_malloc(size_t n)
{
	if (!left)
		return NULL;
	if (left > 0)
		left--;
	return malloc(n);
}

static void memory_that_ends_leaks_nothing(void **state)
{
	static const char text[] = "{\"colibriClass\":\"EndpointMessage\",\"to\":\"x\",\"msgPayload\":{\"n\":[1]}}";
	struct colibri c;
	int err = -1;

	(void)state;
	json_set_alloc_funcs(counted_malloc, free);
	for (long n = 0; err && n < 200; n++) {
		left = n;
		err = colibri_parse(&c, text, sizeof(text) - 1);
		left = -1;
		assert_true(!err || err == -ENOMEM || err == -EINVAL);
	}
	assert_int_equal(err, 0);
	colibri_clear(&c);
	json_set_alloc_funcs(malloc, free);
}

const struct CMUnitTest test_colibri[] = {
	cmocka_unit_test(every_recorded_message_is_understood),
	cmocka_unit_test(constraints_keep_what_was_absent_apart),
	cmocka_unit_test(subscriptions_of_both_forms),
	cmocka_unit_test(nonsense_is_refused_or_counts_as_absent),
	cmocka_unit_test(from_is_set_by_the_bridge_alone),
	cmocka_unit_test(messages_are_written_as_a_bridge_writes_them),
	cmocka_unit_test(stats_are_whole_numbers_and_read_back),
	cmocka_unit_test(writers_refuse_what_is_no_text),
	cmocka_unit_test(memory_that_ends_leaks_nothing),
	{0}
};

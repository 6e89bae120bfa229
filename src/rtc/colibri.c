/* colibri.c - messages of the bridge channel
 *
 * One table maps classes to small readers.  A field of the wrong type or of
 * a length that no name has counts as absent; a class nobody knows is
 * COLIBRI_UNKNOWN and no error, for deployments grow new ones.  Lists are
 * bounded: what stands behind the bound is ignored.
 *
 * Writers build a JSON object and print it without blanks; the bridge
 * refuses fields that it does not know, so they write nothing but what the
 * class has.
 */
#include "rtc/colibri.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIST_MAX = 512,         /* sources in one subscription, constraints, map entries */
	NAME_MAX_LEN = 63,
};

/* ---- reading ---- */

static bool copy_name(char *dst, size_t size, const json_t *v)
{
	size_t n = json_string_length(v);       /* 0 for what is no string */

	if (!n || n >= size || strlen(json_string_value(v)) != n)
		return false;
	memcpy(dst, json_string_value(v), n + 1);
	return true;
}

static size_t copy_names(char (*dst)[64], size_t max, const json_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(list) && n < max; i++)
		n += copy_name(dst[n], sizeof(dst[n]), json_array_get(list, i));
	return n;
}

static double number(const json_t *o, const char *key)
{
	double v = json_number_value(json_object_get(o, key));

	return isfinite(v) ? v : 0;
}

static int integer(const json_t *o, const char *key)
{
	double v = number(o, key);

	return v > 1e9 ? 1000000000 : v < -1e9 ? -1000000000 : (int)v;
}

static int read_dominant(struct colibri *c, const json_t *o)
{
	copy_name(c->endpoint, sizeof(c->endpoint), json_object_get(o, "dominantSpeakerEndpoint"));
	c->previous_count = copy_names(c->previous, 10, json_object_get(o, "previousSpeakers"));
	c->silence = json_is_true(json_object_get(o, "silence"));
	return 0;
}

static int read_connectivity(struct colibri *c, const json_t *o)
{
	const json_t *active = json_object_get(o, "active");
	const char *s = json_string_value(active);

	copy_name(c->endpoint, sizeof(c->endpoint), json_object_get(o, "endpoint"));
	/* A string in all that was seen; a boolean would mean the same. */
	c->active = s ? !strcmp(s, "true") : json_is_true(active);
	return 0;
}

static int read_forwarded(struct colibri *c, const json_t *o)
{
	c->selected_count = copy_names(c->selected, COLIBRI_NAMES,
				       json_object_get(o, "forwardedSources"));
	c->has_selected = true;
	return 0;
}

static int read_sender_constraints(struct colibri *c, const json_t *o)
{
	copy_name(c->source, sizeof(c->source), json_object_get(o, "sourceName"));
	c->max_height = integer(o, "maxHeight");
	return 0;
}

static void read_one_constraint(struct colibri_constraint *c, const json_t *o)
{
	/* -1: no limit. */
	c->max_height = -1;
	c->max_fps = -1;
	if (json_is_number(json_object_get(o, "maxHeight")))
		c->max_height = integer(o, "maxHeight");
	if (json_is_number(json_object_get(o, "maxFrameRate")))
		c->max_fps = number(o, "maxFrameRate");
}

static int read_constraint_map(struct colibri *c, json_t *map)
{
	size_t n = json_object_size(map);
	const char *key;
	json_t *v;

	if (!json_is_object(map))
		return 0;
	c->has_constraints = true;
	n = n < LIST_MAX ? n : LIST_MAX;
	c->constraint = calloc(n ? n : 1, sizeof(*c->constraint));
	if (!c->constraint)
		return -ENOMEM;
	json_object_foreach(map, key, v) {
		struct colibri_constraint *one = c->constraint + c->constraints;

		if (c->constraints == n)
			break;
		if (!*key || strlen(key) > NAME_MAX_LEN)
			continue;
		memcpy(one->name, key, strlen(key) + 1);
		read_one_constraint(one, v);
		c->constraints++;
	}
	return 0;
}

static int read_last_n(struct colibri *c, const json_t *o)
{
	c->has_last_n = json_is_number(json_object_get(o, "lastN"));
	c->last_n = integer(o, "lastN");
	return 0;
}

static int read_receiver_constraints(struct colibri *c, const json_t *o)
{
	const json_t *v;

	read_last_n(c, o);
	v = json_object_get(o, "selectedSources");
	c->has_selected = json_is_array(v);
	c->selected_count = copy_names(c->selected, COLIBRI_NAMES, v);
	v = json_object_get(o, "onStageSources");
	c->has_on_stage = json_is_array(v);
	c->on_stage_count = copy_names(c->on_stage, COLIBRI_NAMES, v);
	v = json_object_get(o, "defaultConstraints");
	c->has_default = json_is_object(v);
	if (c->has_default)
		read_one_constraint(&c->def, v);
	return read_constraint_map(c, json_object_get(o, "constraints"));
}

static int read_endpoint_message(struct colibri *c, const json_t *o)
{
	const json_t *payload = json_object_get(o, "msgPayload");

	copy_name(c->from, sizeof(c->from), json_object_get(o, "from"));
	copy_name(c->to, sizeof(c->to), json_object_get(o, "to"));
	if (!json_is_object(payload))
		return 0;
	c->payload = json_dumps(payload, JSON_COMPACT);
	return c->payload ? 0 : -ENOMEM;
}

static int read_endpoint_stats(struct colibri *c, const json_t *o)
{
	const json_t *bitrate = json_object_get(o, "bitrate");
	const json_t *loss = json_object_get(o, "packetLoss");

	copy_name(c->from, sizeof(c->from), json_object_get(o, "from"));
	c->upload = number(bitrate, "upload");
	c->download = number(bitrate, "download");
	c->loss_up = number(loss, "upload");
	c->loss_down = number(loss, "download");
	c->quality = number(o, "connectionQuality");
	c->rtt = number(o, "jvbRTT");
	return 0;
}

static int read_connection_stats(struct colibri *c, const json_t *o)
{
	double v = number(o, "estimatedDownlinkBandwidth");

	c->bandwidth_bps = v > 0 && v < 1e15 ? (int64_t)v : 0;
	return 0;
}

static int read_video_type(struct colibri *c, const json_t *o)
{
	copy_name(c->source, sizeof(c->source), json_object_get(o, "sourceName"));
	copy_name(c->video_type, sizeof(c->video_type), json_object_get(o, "videoType"));
	return 0;
}

static int read_list(char ***out, size_t *count, const json_t *list)
{
	size_t n = json_array_size(list);

	n = n < LIST_MAX ? n : LIST_MAX;
	if (!n)
		return 0;
	*out = calloc(n, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s || !*s || strlen(s) > NAME_MAX_LEN)
			continue;
		(*out)[*count] = strdup(s);
		if (!(*out)[*count])
			return -ENOMEM;
		(*count)++;
	}
	return 0;
}

/* {"mode":"Include","list":[...]}: what bridges before 2025 took. */
static int read_old_subscription(struct colibri *c, const char *mode, const json_t *list)
{
	c->all = !strcmp(mode, "All") || !strcmp(mode, "Exclude");
	if (!strcmp(mode, "Include"))
		return read_list(&c->include, &c->includes, list);
	if (!strcmp(mode, "Exclude"))
		return read_list(&c->exclude, &c->excludes, list);
	return 0;
}

static int read_subscription(struct colibri *c, const json_t *o)
{
	const char *mode = json_string_value(json_object_get(o, "mode"));
	int err;

	if (mode)
		return read_old_subscription(c, mode, json_object_get(o, "list"));
	c->all = json_is_true(json_object_get(o, "all"));
	err = read_list(&c->include, &c->includes, json_object_get(o, "include"));
	if (!err)
		err = read_list(&c->exclude, &c->excludes, json_object_get(o, "exclude"));
	return err;
}

static int read_map(struct colibri *c, const json_t *o)
{
	const json_t *list = json_object_get(o, "mappedSources");
	size_t n = json_array_size(list);

	n = n < LIST_MAX ? n : LIST_MAX;
	if (!n)
		return 0;
	c->map = calloc(n, sizeof(*c->map));
	if (!c->map)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		json_int_t ssrc = json_integer_value(json_object_get(v, "ssrc"));

		if (ssrc < 1 || ssrc > UINT32_MAX)
			continue;
		if (!copy_name(c->map[c->maps].source, 64, json_object_get(v, "source")))
			continue;
		copy_name(c->map[c->maps].owner, 64, json_object_get(v, "owner"));
		c->map[c->maps++].ssrc = (uint32_t)ssrc;
	}
	return 0;
}

static const struct {
	const char *name;
	enum colibri_class cls;
	int (*read)(struct colibri *c, const json_t *o);
} classes[] = {
	{ "ClientHello", COLIBRI_CLIENT_HELLO, NULL },
	{ "ServerHello", COLIBRI_SERVER_HELLO, NULL },
	{ "DominantSpeakerEndpointChangeEvent", COLIBRI_DOMINANT, read_dominant },
	{ "EndpointConnectivityStatusChangeEvent", COLIBRI_CONNECTIVITY, read_connectivity },
	{ "ForwardedSources", COLIBRI_FORWARDED, read_forwarded },
	{ "SenderSourceConstraints", COLIBRI_SENDER_CONSTRAINTS, read_sender_constraints },
	{ "ReceiverVideoConstraints", COLIBRI_RECEIVER_CONSTRAINTS, read_receiver_constraints },
	{ "LastNChangedEvent", COLIBRI_LAST_N, read_last_n },
	{ "EndpointMessage", COLIBRI_ENDPOINT_MESSAGE, read_endpoint_message },
	{ "EndpointStats", COLIBRI_ENDPOINT_STATS, read_endpoint_stats },
	{ "ConnectionStats", COLIBRI_CONNECTION_STATS, read_connection_stats },
	{ "SourceVideoTypeMessage", COLIBRI_VIDEO_TYPE, read_video_type },
	{ "VideoTypeMessage", COLIBRI_VIDEO_TYPE, read_video_type }, /* the older form */
	{ "ReceiverAudioSubscription", COLIBRI_AUDIO_SUBSCRIPTION, read_subscription },
	{ "AudioSourcesMap", COLIBRI_AUDIO_MAP, read_map },
	{ "VideoSourcesMap", COLIBRI_VIDEO_MAP, read_map },
};

static int load(json_t **out, const char *json, size_t len)
{
	json_error_t error;

	*out = json_loadb(json, len, 0, &error);
	if (*out && json_is_object(*out))
		return 0;
	if (!*out && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	json_decref(*out);
	*out = NULL;
	return -EINVAL;
}

int colibri_parse(struct colibri *out, const char *json, size_t len)
{
	const char *name;
	json_t *o;
	int err;

	memset(out, 0, sizeof(*out));
	err = load(&o, json, len);
	if (err)
		return err;
	name = json_string_value(json_object_get(o, "colibriClass"));
	err = name ? 0 : -EINVAL;
	for (size_t i = 0; name && i < sizeof(classes) / sizeof(*classes); i++) {
		if (strcmp(name, classes[i].name))
			continue;
		out->cls = classes[i].cls;
		if (classes[i].read)
			err = classes[i].read(out, o);
		break;
	}
	json_decref(o);
	if (err)
		colibri_clear(out);
	return err;
}

static void free_list(char **v, size_t n)
{
	while (n)
		free(v[--n]);
	free(v);
}

void colibri_clear(struct colibri *c)
{
	free(c->payload);
	free(c->constraint);
	free(c->map);
	free_list(c->include, c->includes);
	free_list(c->exclude, c->excludes);
	memset(c, 0, sizeof(*c));
}

char *colibri_with_from(const char *json, size_t len, const char *from)
{
	char *text = NULL;
	json_t *o;

	if (load(&o, json, len))
		return NULL;
	if (!json_object_set_new(o, "from", json_string(from)))
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* ---- writing ---- */

static int to_buf(const char *p, size_t n, void *ctx)
{
	buf_add(ctx, p, n);
	return 0;
}

/* Takes o.  NULL is what jansson gives for a text that is no UTF-8. */
static int put(struct buf *out, json_t *o)
{
	int err = o ? 0 : -EINVAL;

	if (o && json_dump_callback(o, to_buf, out, JSON_COMPACT))
		err = -EINVAL;
	json_decref(o);
	return err ? err : buf_err(out);
}

static json_t *names(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++)
		if (json_array_append_new(list, json_string(v[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

int colibri_write_hello(struct buf *out, bool server)
{
	return put(out, json_pack("{s:s}", "colibriClass", server ? "ServerHello" : "ClientHello"));
}

int colibri_write_dominant(struct buf *out, const char *endpoint,
			   const char *const *previous, size_t n)
{
	return put(out, json_pack("{s:s,s:s,s:o,s:b}",
				  "colibriClass", "DominantSpeakerEndpointChangeEvent",
				  "dominantSpeakerEndpoint", endpoint,
				  "previousSpeakers", names(previous, n),
				  "silence", 0));
}

int colibri_write_connectivity(struct buf *out, const char *endpoint, bool active)
{
	return put(out, json_pack("{s:s,s:s,s:s}",
				  "colibriClass", "EndpointConnectivityStatusChangeEvent",
				  "endpoint", endpoint,
				  "active", active ? "true" : "false"));
}

int colibri_write_forwarded(struct buf *out, const char *const *v, size_t n)
{
	return put(out, json_pack("{s:s,s:o}", "colibriClass", "ForwardedSources",
				  "forwardedSources", names(v, n)));
}

int colibri_write_sender_constraints(struct buf *out, const char *source, int max_height)
{
	return put(out, json_pack("{s:s,s:s,s:i}", "colibriClass", "SenderSourceConstraints",
				  "sourceName", source, "maxHeight", max_height));
}

int colibri_write_last_n(struct buf *out, int last_n)
{
	return put(out, json_pack("{s:s,s:i}", "colibriClass", "ReceiverVideoConstraints",
				  "lastN", last_n));
}

int colibri_write_connection_stats(struct buf *out, int64_t bps)
{
	return put(out, json_pack("{s:s,s:I}", "colibriClass", "ConnectionStats",
				  "estimatedDownlinkBandwidth", (json_int_t)bps));
}

static json_int_t whole(double v)
{
	return isfinite(v) && v > 0 && v < 1e15 ? (json_int_t)(v + 0.5) : 0;
}

int colibri_write_endpoint_stats(struct buf *out, double upload, double download,
				 double loss_up, double loss_down, double quality, double rtt_ms)
{
	json_int_t up = whole(upload), down = whole(download);
	json_t *o;

	o = json_pack("{s:s,s:{s:I,s:I,s:{s:I,s:I},s:{s:i,s:i}},s:{s:I,s:I,s:I},s:I}",
		      "colibriClass", "EndpointStats",
		      "bitrate", "upload", up, "download", down,
		      "audio", "upload", up, "download", down,
		      "video", "upload", 0, "download", 0,
		      "packetLoss", "total", whole(loss_up > loss_down ? loss_up : loss_down),
		      "download", whole(loss_down), "upload", whole(loss_up),
		      "connectionQuality", whole(quality));
	/* Negative: not known yet; the field is left out then. */
	if (o && rtt_ms >= 0 && json_object_set_new(o, "jvbRTT", json_integer(whole(rtt_ms)))) {
		json_decref(o);
		o = NULL;
	}
	return put(out, o);
}

int colibri_write_endpoint_message(struct buf *out, const char *to, const char *payload_json)
{
	json_t *payload;
	int err = load(&payload, payload_json, strlen(payload_json));

	if (err)
		return err;
	return put(out, json_pack("{s:s,s:s,s:o}", "colibriClass", "EndpointMessage",
				  "to", to, "msgPayload", payload));
}

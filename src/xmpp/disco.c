/* disco.c - service discovery, capabilities, external services */
#include "xmpp/disco.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/codec.h"
#include "xmpp/ns.h"

enum { SERVICES_MAX = 16 };

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_all(char **v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		free(v[i]);
	free(v);
}

static char *identity_text(const struct disco_identity *id)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s/%s/%s/%s", id->category, id->type, id->lang ? id->lang : "",
		 id->name ? id->name : "");
	return buf_steal(&b);
}

/* XEP-0115 section 5.1: identities, then features, each sorted by octets and
 * followed by '<'. */
int disco_caps_hash(const struct disco_identity *ids, size_t nids, const char *const *features,
		    size_t nfeatures, char out[29])
{
	char **v = calloc(nids + nfeatures + 1, sizeof(*v)), *b64 = NULL;
	struct buf s = { 0 };
	uint8_t sha[20];
	int err = -ENOMEM;

	if (!v)
		return err;
	for (size_t i = 0; i < nids; i++)
		if (!(v[i] = identity_text(&ids[i])))
			goto out;
	for (size_t i = 0; i < nfeatures; i++)
		if (!(v[nids + i] = strdup(features[i])))
			goto out;
	qsort(v, nids, sizeof(*v), compare);
	qsort(v + nids, nfeatures, sizeof(*v), compare);
	for (size_t i = 0; i < nids + nfeatures; i++) {
		buf_adds(&s, v[i]);
		buf_addc(&s, '<');
	}
	if (buf_err(&s))
		goto out;
	codec_sha1(buf_str(&s), s.len, sha);
	b64 = codec_base64(sha, sizeof(sha));
	if (!b64)
		goto out;
	text_copy(out, 29, b64);
	err = 0;
out:
	free(b64);
	buf_free(&s);
	free_all(v, nids + nfeatures);
	return err;
}

struct xml *disco_info_new(const char *node, const struct disco_identity *ids, size_t nids,
			   const char *const *features, size_t nfeatures)
{
	struct xml *q = xml_new("query", NS_DISCO_INFO);

	if (node)
		xml_set(q, "node", node);
	for (size_t i = 0; i < nids; i++) {
		struct xml *x = xml_add(q, "identity", NULL);

		xml_set(x, "category", ids[i].category);
		xml_set(x, "type", ids[i].type);
		if (ids[i].lang && *ids[i].lang)
			xml_set(x, "xml:lang", ids[i].lang);
		if (ids[i].name && *ids[i].name)
			xml_set(x, "name", ids[i].name);
	}
	for (size_t i = 0; i < nfeatures; i++)
		xml_set(xml_add(q, "feature", NULL), "var", features[i]);
	return q;
}

void disco_caps_add(struct xml *presence, const char *node, const char *ver)
{
	struct xml *c = xml_add(presence, "c", NS_CAPS);

	xml_set(c, "hash", "sha-1");
	xml_set(c, "node", node);
	xml_set(c, "ver", ver);
}

bool disco_has_feature(const struct xml *query, const char *var)
{
	const struct xml *f = xml_child(query, "feature", NULL);

	for (; f; f = xml_next_like(f, "feature", NULL)) {
		const char *v = xml_attr(f, "var");

		if (v && !strcmp(v, var))
			return true;
	}
	return false;
}

const char *disco_component(const struct xml *query, const char *type)
{
	const struct xml *i = xml_child(query, "identity", NULL);

	for (; i; i = xml_next_like(i, "identity", NULL)) {
		const char *c = xml_attr(i, "category"), *t = xml_attr(i, "type");

		if (c && t && !strcmp(t, type) && (!strcmp(c, "component") || !strcmp(c, "server")))
			return xml_attr(i, "name");
	}
	return NULL;
}

const char *disco_field(const struct xml *query, const char *var)
{
	const struct xml *x = xml_child(query, "x", NS_DATA);
	const struct xml *f = xml_child(x, "field", NULL);

	for (; f; f = xml_next_like(f, "field", NULL)) {
		const char *v = xml_attr(f, "var");

		if (v && !strcmp(v, var))
			return xml_child_text(f, "value", NULL);
	}
	return NULL;
}

void ext_services_free(struct ext_service **v, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		struct ext_service *s = &(*v)[i];

		free(s->type);
		free(s->host);
		free(s->transport);
		free(s->username);
		text_forget(&s->password);
		free(s->expires);
	}
	free(*v);
	*v = NULL;
	*count = 0;
}

static bool is_known(const char *type)
{
	return type && (!strcmp(type, "stun") || !strcmp(type, "turn") || !strcmp(type, "turns"));
}

static int service_parse(struct ext_service *out, const struct xml *x)
{
	const char *type = xml_attr(x, "type"), *port = xml_attr(x, "port");
	const char *transport = xml_attr(x, "transport");
	bool tls = !strcmp(type, "turns");
	uint64_t n;

	out->port = port && !text_u64(port, 1, 65535, &n) ? (unsigned)n : tls ? 5349 : 3478;
	if (text_set(&out->type, type) || text_set(&out->host, xml_attr(x, "host")) ||
	    text_set(&out->transport, transport ? transport : tls ? "tcp" : "udp") ||
	    text_set(&out->username, xml_attr(x, "username")) ||
	    text_set(&out->password, xml_attr(x, "password")) ||
	    text_set(&out->expires, xml_attr(x, "expires")))
		return -ENOMEM;
	return 0;
}

int ext_services_parse(struct ext_service **out, size_t *count, const struct xml *services)
{
	const struct xml *x = xml_child(services, "service", NULL);

	ext_services_free(out, count);
	*out = calloc(SERVICES_MAX, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (; x && *count < SERVICES_MAX; x = xml_next_like(x, "service", NULL)) {
		const char *host = xml_attr(x, "host");

		if (!is_known(xml_attr(x, "type")) || !host || !*host || strlen(host) > 253)
			continue;
		if (service_parse(&(*out)[(*count)++], x)) {
			ext_services_free(out, count);
			return -ENOMEM;
		}
	}
	return 0;
}

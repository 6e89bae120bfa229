/* admission.c - which bridge channels may be opened; a list, for 20 people a room */
#include "host/admission.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

struct entry { struct entry *next; struct channel_path p; };

struct admission {
	pthread_mutex_t lock;   /* leaf: guards the list */
	struct entry *first;
};

/* Up to '/' or the end; the part must fit. */
static const char *part(char *out, size_t size, const char *s)
{
	size_t n = strcspn(s, "/");

	if (!n || n >= size)
		return NULL;
	memcpy(out, s, n);
	out[n] = 0;
	return s + n;
}

static int read_password(struct channel_path *out, const char *query)
{
	while (*query) {
		size_t n = strcspn(query, "&");

		if (!strncmp(query, "pwd=", 4) && n > 4 && n - 4 < sizeof(out->password)) {
			memcpy(out->password, query + 4, n - 4);
			out->password[n - 4] = 0;
			return 0;
		}
		query += n + (query[n] == '&');
	}
	return -EACCES;
}

int channel_path_parse(struct channel_path *out, const char *path, const char *query)
{
	static const char prefix[] = "/colibri-ws/default-id/";
	const char *s;

	memset(out, 0, sizeof(*out));
	if (!text_starts(path, prefix))
		return -ENOENT;
	s = part(out->conference, sizeof(out->conference), path + sizeof(prefix) - 1);
	if (s && *s == '/')
		s = part(out->endpoint, sizeof(out->endpoint), s + 1);
	else
		return strchr(path + sizeof(prefix) - 1, '/') ? -EACCES : -ENOENT;
	if (!s || *s)
		return s ? -ENOENT : -EACCES;
	return read_password(out, query);
}

int admission_new(struct admission **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

void admission_free(struct admission **ap)
{
	struct admission *a = *ap;

	if (!a)
		return;
	while (a->first) {
		struct entry *e = a->first;

		a->first = e->next;
		text_wipe(e, sizeof(*e));
		free(e);
	}
	pthread_mutex_destroy(&a->lock);
	free(a);
	*ap = NULL;
}

static struct entry **find(struct admission *a, const char *conference, const char *endpoint)
{
	struct entry **e = &a->first;

	while (*e && (strcmp((*e)->p.conference, conference) || strcmp((*e)->p.endpoint, endpoint)))
		e = &(*e)->next;
	return e;
}

/* Without memory the channel is refused; calls go on without one. */
void admission_add(struct admission *a, const char *conference, const char *endpoint,
		   const char *password)
{
	struct entry **e;

	pthread_mutex_lock(&a->lock);
	e = find(a, conference, endpoint);
	if (!*e)
		*e = calloc(1, sizeof(**e));
	if (*e) {
		text_copy((*e)->p.conference, sizeof((*e)->p.conference), conference);
		text_copy((*e)->p.endpoint, sizeof((*e)->p.endpoint), endpoint);
		text_copy((*e)->p.password, sizeof((*e)->p.password), password);
	}
	pthread_mutex_unlock(&a->lock);
}

void admission_remove(struct admission *a, const char *conference, const char *endpoint)
{
	struct entry **e, *gone;

	pthread_mutex_lock(&a->lock);
	e = find(a, conference, endpoint);
	gone = *e;
	if (gone)
		*e = gone->next;
	pthread_mutex_unlock(&a->lock);
	if (gone)
		text_wipe(gone, sizeof(*gone));
	free(gone);
}

int admission_check(struct admission *a, const char *path, const char *query)
{
	struct channel_path p;
	struct entry *e;
	bool good;
	int err = channel_path_parse(&p, path, query);

	if (err)
		return err == -ENOENT ? 404 : 403;
	pthread_mutex_lock(&a->lock);
	e = *find(a, p.conference, p.endpoint);
	good = e && text_same_secret(e->p.password, p.password);
	pthread_mutex_unlock(&a->lock);
	return good ? 0 : 403;
}

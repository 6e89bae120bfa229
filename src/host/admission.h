/* admission.h - which bridge channels may be opened
 *
 * The upgrade to a WebSocket is decided on the net thread: this small table
 * is what it may look at, behind a mutex; the rest of the host is the loop's.
 */
#ifndef HOST_ADMISSION_H
#define HOST_ADMISSION_H

struct admission;

struct channel_path { char conference[17], endpoint[33], password[25]; };
/* /colibri-ws/default-id/<conference>/<endpoint>, pwd=<password> in the query.
 * 0; -ENOENT: the path is no such thing; -EACCES: it is, but cannot be good. */
int channel_path_parse(struct channel_path *out, const char *path, const char *query);

int admission_new(struct admission **out);
void admission_free(struct admission **a);
/* Any thread. */
void admission_add(struct admission *a, const char *conference, const char *endpoint,
		   const char *password);
void admission_remove(struct admission *a, const char *conference, const char *endpoint);
/* 0, or the HTTP status of the refusal: 404, 403. */
int admission_check(struct admission *a, const char *path, const char *query);

#endif

/* recording.c - the call into files
 *
 * The recorder belongs to the sound engine and its thread; here are the words
 * for it.  The room is told of each recording, once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audio/recorder.h"
#include "base/clock.h"
#include "base/folder.h"
#include "base/text.h"
#include "io/worker.h"
#include "session/session_priv.h"

enum { CLOSERS = 4 };

struct recording {
	struct recorder *recorder;      /* NULL: none */
	char *path;
	pthread_t closer[CLOSERS];      /* end files that are done with */
	unsigned closers;
	bool told;                      /* the room, of this recording */
};

static struct recording *of(struct session *s)
{
	if (!s->recording) {
		s->recording = calloc(1, sizeof(*s->recording));
		if (!s->recording)
			abort();
	}
	return s->recording;
}

bool session_recording(const struct session *s)
{
	return s->recording && s->recording->recorder;
}

static void label_people(struct session *s)
{
	const struct call *c = session_call(s);
	const char *id;
	uint32_t ssrc;

	for (size_t i = 0; call_sound(c, i, &ssrc, &id); i++) {
		const struct member *m = id ? member_find(s, id) : NULL;

		if (m)
			recorder_label(s->recording->recorder, ssrc, m->shown);
	}
	recorder_label(s->recording->recorder, 0, settings_text(s->settings, "name"));
}

void recording_source(struct session *s, uint32_t ssrc, const char *name)
{
	if (session_recording(s))
		recorder_label(s->recording->recorder, ssrc, name);
}

/* "2026-11-25 20.00 listening-evening.opus" in the folder for recordings. */
static char *name_file(struct session *s, const char *wish)
{
	struct buf b = { 0 };
	char stamp[32], *dir;
	const char *folder;
	time_t now = time(NULL);
	struct tm tm;

	if (wish) {
		char *path = session_full_path(wish);

		buf_addf(&b, "%s%s", path, text_ends(path, ".opus") ? "" : ".opus");
		free(path);
		return buf_steal(&b);
	}
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H.%M.%S", &tm);
	folder = settings_text(s->settings, "record.folder");
	dir = *folder ? session_full_path(folder) : session_copy(s->record_dir ? s->record_dir : ".");
	buf_addf(&b, "%s/%s ", dir, stamp);
	for (const char *p = s->room ? s->room : ""; *p && b.len < 900; p++)
		buf_addc(&b, (unsigned char)*p < 0x20 || strchr("/\\:*?\"<>|", *p) ? '_' : *p);
	buf_adds(&b, ".opus");
	folder_make_parent(buf_str(&b), 0700);
	free(dir);
	return buf_steal(&b);
}

static void tell_recording(struct session *s)
{
	if (s->recording->told || !settings_bool(s->settings, "record.tell") || !session_call(s))
		return;
	s->recording->told = true;
	call_say(session_call(s), "I am recording the sound of this call.", NULL, NULL, clock_now_us());
	session_kick(s);
}

static int start_record(struct session *s, const char *wish, struct buf *text, const char **kind)
{
	struct recording *r = of(s);
	char date[40], *path = name_file(s, wish);
	time_t now = time(NULL);
	struct tm tm;
	struct recorder_config cfg = {
		.path = path, .people = settings_bool(s->settings, "record.people"), .title = s->room ? s->room : "",
		.date = date,
	};
	int err;

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S%z", &tm);
	err = recorder_new(&r->recorder, &cfg);
	if (err) {
		*kind = "no-file";
		buf_addf(text, "%s: %s", path, err == -EEXIST ? "it is there already, and is not overwritten" :
			 strerror(-err));
		free(path);
		return err;
	}
	free(r->path);
	r->path = path;
	if (cfg.people)
		label_people(s);
	sound_record(s->sound, r->recorder);
	r->told = false;
	tell_recording(s);
	event_push(s, SESSION_EV_RECORDING, NULL, path, NULL, true, false);
	session_touch(s, DIRTY_STATUS);
	buf_addf(text, "records to %s%s; /record stop ends it", path, cfg.people ? ", and each person alone" : "");
	return 0;
}

static void *close_files(void *arg)
{
	struct recorder *r = arg;

	recorder_free(&r);
	return NULL;
}

/* The files are ended beside the loop. */
static void stop_record(struct session *s)
{
	struct recording *r = s->recording;

	sound_record(s->sound, NULL);
	if (r->closers == CLOSERS || worker_start(&r->closer[r->closers], "record", close_files, r->recorder))
		recorder_free(&r->recorder);
	else
		r->closers++;
	r->recorder = NULL;
	event_push(s, SESSION_EV_RECORDING, NULL, r->path, NULL, false, false);
	session_touch(s, DIRTY_STATUS);
}

int run_record(struct session *s, int argc, char **argv, struct buf *text, const char **kind)
{
	bool stop = argc > 1 && !strcmp(argv[1], "stop");

	if (!stop && session_recording(s))
		return command_refuse(text, kind, -EALREADY, "recording", "it is recorded already; /record stop ends it");
	if (!stop)
		return start_record(s, argc > 1 ? argv[1] : NULL, text, kind);
	if (!session_recording(s))
		return command_refuse(text, kind, -ENOENT, "not-recording", "nothing is recorded");
	stop_record(s);
	buf_addf(text, "recorded: %s", s->recording->path);
	return 0;
}

void recording_tick(struct session *s)
{
	struct recorder_status r;

	if (!session_recording(s) || !s->sound)
		return;
	recorder_status(s->recording->recorder, &r);
	if (!r.err)
		return;
	message_say(s, MESSAGE_ERROR, "the recording has stopped: %s; the call goes on", strerror(-r.err));
	stop_record(s);
}

/* The sound is still there. */
void recording_free(struct session *s)
{
	struct recording *r = s->recording;

	if (!r)
		return;
	if (r->recorder) {
		if (s->sound)
			sound_record(s->sound, NULL);
		recorder_free(&r->recorder);
	}
	while (r->closers)
		pthread_join(r->closer[--r->closers], NULL);
	free(r->path);
	free(r);
	s->recording = NULL;
}

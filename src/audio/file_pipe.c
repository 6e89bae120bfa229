/* file_pipe.c - what ffmpeg reads, by a pipe */
#include "audio/file_pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audio/device.h"

extern char **environ;

enum { BYTES = 4096 };

struct file_pipe {
	char *path;
	unsigned channels;
	pid_t pid;
	int fd;
	uint8_t held[BYTES];    /* read, not given yet */
	size_t have;
};

bool file_pipe_can(void)
{
	const char *path = getenv("PATH"), *p, *end;
	char name[512];

	for (p = path ? path : ""; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, ":");
		snprintf(name, sizeof(name), "%.*s/ffmpeg", (int)(end - p), p);
		if (!access(name, X_OK))
			return true;
	}
	return false;
}

static void stop(struct file_pipe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	p->pid = 0;
	p->have = 0;
}

static int run(struct file_pipe *p, const char *const *argv, int out)
{
	posix_spawn_file_actions_t actions;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&p->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int begin(struct file_pipe *p, int64_t sample)
{
	char start[32], count[8], name[4200];
	const char *const argv[] = {
		"ffmpeg", "-nostdin", "-v", "quiet", "-protocol_whitelist", "file,pipe", "-ss", start,
		"-i", name, "-vn", "-f", "s16le", "-ac", count, "-ar", "48000", "-", NULL
	};
	int fd[2], err;

	snprintf(start, sizeof(start), "%.6f", (double)sample / AUDIO_HZ);
	snprintf(count, sizeof(count), "%u", p->channels);
	if (snprintf(name, sizeof(name), "file:%s", p->path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	err = run(p, argv, fd[1]);
	close(fd[1]);
	p->fd = fd[0];
	if (err)
		stop(p);
	return err;
}

/* More into what is held; 0: end. */
static long fill(struct file_pipe *p)
{
	ssize_t n;

	do {
		n = read(p->fd, p->held + p->have, BYTES - p->have);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		p->have += (size_t)n;
	return n < 0 ? -EIO : (long)n;
}

int file_pipe_open(struct file_pipe **out, const char *path, unsigned channels, int64_t sample)
{
	struct file_pipe *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	*out = NULL;
	if (!p)
		return err;
	p->fd = -1;
	p->channels = channels;
	p->path = strdup(path);
	if (p->path)
		err = begin(p, sample);
	if (!err && fill(p) <= 0)
		err = -EBADMSG;
	if (err)
		file_pipe_close(&p);
	*out = p;
	return err;
}

void file_pipe_close(struct file_pipe **pp)
{
	struct file_pipe *p = *pp;

	if (!p)
		return;
	stop(p);
	free(p->path);
	free(p);
	*pp = NULL;
}

long file_pipe_read(struct file_pipe *p, int16_t *v, size_t n)
{
	size_t frame = p->channels * sizeof(*v), done = 0, take;

	while (done < n && p->fd >= 0) {
		if (p->have < frame) {
			long got = fill(p);

			if (got < 0)
				return done ? (long)done : got;
			if (!got)
				break;
			continue;
		}
		take = p->have / frame < n - done ? p->have / frame : n - done;
		memcpy(v + done * p->channels, p->held, take * frame);
		p->have -= take * frame;
		memmove(p->held, p->held + take * frame, p->have);
		done += take;
	}
	return (long)done;
}

int file_pipe_seek(struct file_pipe *p, int64_t sample)
{
	stop(p);
	return begin(p, sample);
}

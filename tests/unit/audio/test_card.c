/* test_card.c - PortAudio against a real sound server
 *
 * Runs where pulseaudio and ALSA's way to it are installed, and is skipped
 * elsewhere: no test needs a sound card.  Sanitizers find races and leaks in
 * the libraries of PulseAudio, which nobody here can mend: skipped, too.  The
 * server has one null sink, whose monitor is the microphone: what is played
 * comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audio/engine.h"
#include "audio/system_sound.h"
#include "base/clock.h"
#include "unit/audio/signal.h"
#include "unit/audio/temp.h"
#include "unit/unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static pid_t server;

static bool is_there(const char *path)
{
	return access(path, X_OK) == 0;
}

static void start_server(void)
{
	char sock[700], native[700];
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(sock, sizeof(sock), "module-native-protocol-unix socket=%s auth-anonymous=1",
		 temp_path("native"));
	snprintf(native, sizeof(native), "unix:%s", temp_path("native"));
	setenv("XDG_RUNTIME_DIR", temp_path(""), 1);
	setenv("PULSE_RUNTIME_PATH", temp_path(""), 1);
	setenv("PULSE_STATE_PATH", temp_path(""), 1);
	setenv("PULSE_SERVER", native, 1);
	server = fork();
	if (!server) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execlp("pulseaudio", "pulseaudio", "-n", "--daemonize=no", "--system=no",
		       "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes",
		       "--realtime=no", "--high-priority=no", "-L", sock,
		       "-L", "module-null-sink sink_name=spk rate=48000", (char *)NULL);
		_exit(127);
	}
	close(fd);
	for (int i = 0; i < 500 && access(temp_path("native"), F_OK); i++)
		usleep(10000);
}

static void stop_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

/* ---- one engine in real time that hears itself ---- */

struct self {
	struct audio *audio;
	uint16_t seq;
	uint32_t timestamp;
	enum audio_dev_state state[2];
	bool real[2];
	int level;
	unsigned packets;
};

static void on_packet(void *ctx, const struct media_packet *pkt, unsigned samples)
{
	struct self *s = ctx;

	s->timestamp += samples;
	if (!pkt)
		return;
	s->packets++;
	s->level = pkt->level;
}

static void on_device(void *ctx, enum audio_side side, enum audio_dev_state state,
		      const char *text, bool real)
{
	struct self *s = ctx;

	(void)text;
	s->state[side] = state;
	s->real[side] = real;
}

static void live(struct self *s, int ms, bool (*until)(const struct self *s))
{
	int64_t end = clock_now_us() + ms * INT64_C(1000);

	while (clock_now_us() < end && !(until && until(s))) {
		int64_t next = audio_tick(s->audio, clock_now_us()), now = clock_now_us();

		if (next > now)
			usleep((useconds_t)(next - now));
	}
}

static bool both_run(const struct self *s)
{
	return s->state[0] == AUDIO_DEV_RUNNING && s->state[1] == AUDIO_DEV_RUNNING;
}

static bool one_failed(const struct self *s)
{
	return s->state[0] == AUDIO_DEV_FAILED || s->state[1] == AUDIO_DEV_FAILED;
}

static void count_device(void *ctx, int index, const char *name, int in, int out, bool default_in,
			 bool default_out, double latency_ms)
{
	(void)index;
	(void)in;
	(void)out;
	(void)default_in;
	(void)default_out;
	(void)latency_ms;
	*(int *)ctx += *name != 0;
}

static void a_card_plays_and_records_and_comes_back(void **state)
{
	static const struct audio_events ev = { on_packet, on_device };
	struct audio_config cfg = { .complexity = 0 };
	struct self s = { .level = -127 };
	struct audio_stats st;
	int devices = 0;

	(void)state;
	if (SANITIZED || !is_there("/usr/bin/pulseaudio"))
		skip();
	start_server();
	audio_list_devices(count_device, &devices);
	if (!devices) {                 /* ALSA does not reach PulseAudio here */
		stop_server();
		skip();
	}
	assert_int_equal(audio_new(&s.audio, &cfg, &ev, &s), 0);
	assert_int_equal(audio_set_device(s.audio, AUDIO_MIC, "pulse"), 0);
	assert_int_equal(audio_set_device(s.audio, AUDIO_SPEAKER, "pulse"), 0);
	live(&s, 8000, both_run);
	assert_true(both_run(&s) && s.real[0] && s.real[1]);
	live(&s, 3000, NULL);
	assert_true(both_run(&s));      /* slow to begin is not dead */
	assert_true(s.packets > 20);
	audio_stats(s.audio, &st);
	assert_true(st.speaker_delay_ms > 0);

	stop_server();
	live(&s, 8000, one_failed);
	assert_true(one_failed(&s));
	live(&s, 1000, NULL);
	start_server();
	live(&s, 15000, both_run);
	assert_true(both_run(&s));
	audio_free(&s.audio);
	stop_server();
}

/* Another program, that plays a tone for ten seconds. */
static pid_t play_elsewhere(void)
{
	int16_t *v = signal_tone(480000, 440, 0.25);
	pid_t pid;

	temp_write("tone.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 2, v, 480000);
	free(v);
	pid = fork();
	if (!pid) {
		execlp("paplay", "paplay", temp_path("tone.wav"), (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* The loudest sample of so many ms; takes them at their pace. */
static int listen_ms(struct system_sound *y, struct self *s, int ms)
{
	int most = 0;

	for (; ms > 0; ms -= 10) {
		int16_t v[2 * SYSTEM_BLOCK] = { 0 };

		live(s, 10, NULL);
		system_sound_add(y, v);
		for (int i = 0; i < 2 * SYSTEM_BLOCK; i++)
			most = abs(v[i]) > most ? abs(v[i]) : most;
	}
	return most;
}

static void other_programs_are_heard_and_we_are_not(void **state)
{
	static const struct audio_events ev = { on_packet, on_device };
	struct audio_config cfg = { .complexity = 0 };
	struct self s = { .level = -127 };
	struct system_sound *y;
	char why[200];
	pid_t other;

	(void)state;
	if (SANITIZED || !is_there("/usr/bin/pulseaudio") || !is_there("/usr/bin/paplay"))
		skip();
	setenv("PULSE_SERVER", "unix:/nonexistent", 1);
	assert_int_equal(system_sound_new(&y, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "no sound server"));
	start_server();
	assert_int_equal(audio_new(&s.audio, &cfg, &ev, &s), 0);
	assert_int_equal(audio_set_device(s.audio, AUDIO_MIC, "null"), 0);
	assert_int_equal(audio_set_device(s.audio, AUDIO_SPEAKER, "pulse"), 0);
	live(&s, 8000, both_run);
	if (!s.real[AUDIO_SPEAKER]) {           /* ALSA does not reach PulseAudio here */
		audio_free(&s.audio);
		stop_server();
		skip();
	}
	assert_int_equal(system_sound_new(&y, why, sizeof(why)), 0);
	listen_ms(y, &s, 1000);
	assert_int_equal(system_sound_streams(y), 0);   /* our own is none of it */
	other = play_elsewhere();
	assert_true(listen_ms(y, &s, 4000) > 4000);
	assert_int_equal(system_sound_streams(y), 1);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	listen_ms(y, &s, 1500);
	assert_int_equal(system_sound_streams(y), 0);
	assert_int_equal(listen_ms(y, &s, 100), 0);
	stop_server();
	listen_ms(y, &s, 1500);
	assert_int_equal(system_sound_streams(y), -1);
	system_sound_free(&y);
	audio_free(&s.audio);
}

static int end_card(void **state)
{
	stop_server();
	temp_teardown(state);
	return 0;
}

const struct CMUnitTest test_card[] = {
	cmocka_unit_test_setup_teardown(a_card_plays_and_records_and_comes_back, temp_setup, end_card),
	cmocka_unit_test_setup_teardown(other_programs_are_heard_and_we_are_not, temp_setup, end_card),
	{0}
};

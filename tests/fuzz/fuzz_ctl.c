/* rooms: base io xmpp rtc audio call session app ui host */
/* fuzz_ctl.c - a control client that sends anything */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "app/ctl_rpc.h"
#include "base/log.h"
#include "io/loop.h"
#include "session/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *ctx, const char *line, size_t len)
{
	size_t *total = ctx;

	*total += len + (line[len - 1] != '\n');
}

/* Commands that touch the machine: devices are listed by a thread, files are
 * opened, a join goes to the network. */
static int is_harmless(const uint8_t *data, size_t size)
{
	static const char *const not[] = { "devices", "join", "mic", "speaker" };

	for (size_t i = 0; i < 4; i++)
		if (memmem(data, size, not[i], strlen(not[i])))
			return 0;
	return !memchr(data, '\\', size) || !memmem(data, size, "\\u", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	static struct settings *settings;
	static struct session *session;
	struct ctl_rpc *rpc;
	size_t total = 0, half = size / 2;

	if (!loop) {
		log_set_level(LOGL_NONE);
		if (loop_new(&loop, "fuzz") || settings_new(&settings) ||
		    session_new(&session, loop, settings))
			abort();
	}
	if (!is_harmless(data, size) || ctl_rpc_new(&rpc, session, on_line, &total))
		return 0;
	/* In two pieces, as a stream comes. */
	if (!ctl_rpc_input(rpc, (const char *)data, half))
		ctl_rpc_input(rpc, (const char *)data + half, size - half);
	ctl_rpc_free(&rpc);
	loop_iterate(loop, 0);
	return 0;
}

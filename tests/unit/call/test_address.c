/* test_address.c - what people paste, and which room it means */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "call/address.h"
#include "unit/unit.h"

static void same(const char *what, const char *got, const char *want)
{
	if (strcmp(got ? got : "(null)", want))
		fail_msg("%s: '%s', not '%s'", what, got ? got : "(null)", want);
}

static void test_forms(void **state)
{
	static const struct { const char *in, *server, *base, *page, *room, *title, *tenant; bool plain; } t[] = {
		{ "https://meet.example.org/StandUp", NULL, "https://meet.example.org/",
		  "https://meet.example.org/StandUp", "standup", "StandUp", "", false },
		{ "http://127.0.0.1:8443/demo", NULL, "http://127.0.0.1:8443/", "http://127.0.0.1:8443/demo",
		  "demo", "demo", "", true },
		{ "meet.example.org/r", NULL, "https://meet.example.org/", "https://meet.example.org/r",
		  "r", "r", "", false },
		{ "localhost:8443/r", NULL, "https://localhost:8443/", "https://localhost:8443/r", "r", "r", "", false },
		{ "jitsi-meet://meet.example.org/r", NULL, "https://meet.example.org/",
		  "https://meet.example.org/r", "r", "r", "", false },
		{ "org.jitsi.meet://meet.example.org/r", NULL, "https://meet.example.org/",
		  "https://meet.example.org/r", "r", "r", "", false },
		{ "  https://meet.example.org/ stand up \n", NULL, "https://meet.example.org/",
		  "https://meet.example.org/standup", "standup", "standup", "", false },
		{ "r", "https://meet.example.org", "https://meet.example.org/", "https://meet.example.org/r",
		  "r", "r", "", false },
		{ "team/r", "https://meet.example.org/", "https://meet.example.org/team/",
		  "https://meet.example.org/team/r", "r", "r", "team", false },
		{ "https://h.example/Chor.Nord/probe", NULL, "https://h.example/Chor.Nord/",
		  "https://h.example/Chor.Nord/probe", "probe", "probe", "chor_nord", false },
		{ "https://h.example/a/b/c", NULL, "https://h.example/a/b/", "https://h.example/a/b/c", "c", "c",
		  "a/b", false },
		{ "https://[::1]:8443/r", NULL, "https://[::1]:8443/", "https://[::1]:8443/r", "r", "r", "", false },
		{ "https://me@h.example/r", NULL, "https://h.example/", "https://h.example/r", "r", "r", "", false },
		{ "https://h.example/D%C3%ADa%201", NULL, "https://h.example/", "https://h.example/D%C3%ADa%201",
		  "d%c3%ada%201", "Día 1", "", false },
		{ "https://h.example/Größe%202", NULL, "https://h.example/", "https://h.example/Gr%C3%B6%C3%9Fe%202",
		  "gr%c3%b6%c3%9fe%202", "Größe 2", "", false },
		{ "https://h.example/a'b(c)", NULL, "https://h.example/", "https://h.example/abc", "abc", "abc", "",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct address a;
		char *why = NULL;

		if (address_parse(&a, t[i].in, t[i].server, &why))
			fail_msg("%s: %s", t[i].in, why);
		same(t[i].in, a.base, t[i].base);
		same(t[i].in, a.page, t[i].page);
		same(t[i].in, a.room, t[i].room);
		same(t[i].in, a.title, t[i].title);
		same(t[i].in, a.tenant, t[i].tenant);
		assert_int_equal(a.plain, t[i].plain);
		address_clear(&a);
	}
}

static void test_refused(void **state)
{
	static const struct { const char *in, *word; } t[] = {
		{ "lonely", "server" }, { "a/b", "server" }, { "https://meet.example.org/", "room" },
		{ "https://meet.example.org", "room" }, { "https:///room", "no room address" },
		{ "https://bad host:99999/r", "no room address" }, { "ftp://h.example/r", "no room address" },
		{ "wss://h.example/r", "no room address" }, { "https://h.example/()", "room" }, { "", "" },
	};
	char *longest = malloc(6000), *why;
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why = NULL;
		assert_int_equal(address_parse(&a, t[i].in, NULL, &why), -EINVAL);
		if (!why || !strstr(why, t[i].word))
			fail_msg("%s: %s", t[i].in, why ? why : "(null)");
		free(why);
	}
	memset(longest, 'x', 5999);
	longest[5999] = 0;
	assert_int_equal(address_parse(&a, longest, "https://h.example", &why), -EINVAL);
	free(why);
	assert_int_equal(address_parse(&a, "lonely", NULL, NULL), -EINVAL);
	free(longest);
}

static void test_parameters(void **state)
{
	struct address a;

	(void)state;
	assert_int_equal(address_parse(&a, "https://h.example/r?lang=de&jwt=abc.def#config.startWithAudioMuted=true"
			 "&config.startSilent=true&userInfo.displayName=%22Ada%20L%22&userInfo.email=\"a@b.c\""
			 "&config.hosts.domain=\"evil.example\"&config.startAudioOnly=1&config.subject=%22Hi%5Cn%22",
			 NULL, NULL), 0);
	same("jwt", a.jwt, "abc.def");
	same("name", a.display_name, "Ada L");
	same("email", a.email, "a@b.c");
	same("subject", a.subject, "Hi");
	assert_true(a.start_muted && a.start_silent && !a.audio_only);
	same("page", a.page, "https://h.example/r");
	address_clear(&a);
	assert_int_equal(address_parse(&a, "https://h.example/r#jwt=xyz&userInfo.displayName=Ada", NULL, NULL), 0);
	same("jwt", a.jwt, "xyz");
	same("name", a.display_name, "Ada");
	address_clear(&a);
	assert_int_equal(address_parse(&a, "https://h.example/r?jwt=first&jwt=second", NULL, NULL), 0);
	same("jwt", a.jwt, "second");
	address_clear(&a);
	address_clear(&a);      /* cleared is valid */
}

static void test_safe(void **state)
{
	static const struct { const char *in, *out; } t[] = {
		{ "Room", "room" }, { "\xEF\xAC\x81ka", "fika" }, { "%C3%84", "%c3%a4" }, { "a%b", "a%25b" },
		{ "%FF", "%25ff" },     /* no text: stays as typed */
		{ "A.B_C~'(x)*!", "a.b_c~'(x)*!" }, { "%2F", "%2f" }, { "\xCE\xA3\xCE\xA3", "%cf%83%cf%82" },
		{ "I\xC4\xB0", "ii%cc%87" }, { "%00", "%2500" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *s = address_safe(t[i].in);

		same(t[i].in, s, t[i].out);
		free(s);
	}
}

const struct CMUnitTest test_address[] = {
	cmocka_unit_test(test_forms),
	cmocka_unit_test(test_refused),
	cmocka_unit_test(test_parameters),
	cmocka_unit_test(test_safe),
	{ 0 }
};

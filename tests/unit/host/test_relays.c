/* test_relays.c */
#include "host/relays.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "unit/unit.h"

static void lines_become_services(void **state)
{
	struct xml *x = xml_new("services", "urn:xmpp:extdisco:2");
	struct relays *r;
	struct buf b = { 0 };
	char *why;

	(void)state;
	assert_int_equal(relays_parse(&r, "# ours\r\n\nturn:ada:a:b@c@turn.example.org\n"
				      "turns:x:y@[2001:db8::1]:443\nturn:u:p@192.0.2.1:3479?transport=tcp", &why), 0);
	relays_describe(r, x);
	assert_int_equal(xml_write(x, &b), 0);
	assert_non_null(strstr(buf_str(&b), "type=\"turn\" host=\"turn.example.org\" port=\"3478\" transport=\"udp\" "
			       "username=\"ada\" password=\"a:b@c\""));
	assert_non_null(strstr(buf_str(&b), "type=\"turns\" host=\"2001:db8::1\" port=\"443\" transport=\"tcp\""));
	assert_non_null(strstr(buf_str(&b), "host=\"192.0.2.1\" port=\"3479\" transport=\"tcp\""));
	relays_describe(NULL, x);
	relays_free(&r);
	buf_free(&b);
	xml_free(&x);
}

static void bad_lines_are_named(void **state)
{
	static const char *const bad[] = {
		"turn.example.org", "turn:user@host", "stun:a:b@c", "turn:a:b@", "turn:a:b@c:0", "turn:a:b@c:99999",
		"turn:a:b@[::1", "turn:a:b@c?x=y",
	};
	struct relays *r;
	char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[80];

		snprintf(text, sizeof(text), "turn:u:p@ok\n%s\n", bad[i]);
		assert_int_equal(relays_parse(&r, text, &why), -EINVAL);
		assert_null(r);
		assert_non_null(strstr(why, "line 2"));
		free(why);
	}
	assert_int_equal(relays_parse(&r, "turn:a:b@1\nturn:a:b@1\nturn:a:b@1\nturn:a:b@1\nturn:a:b@1\nturn:a:b@1\n"
				      "turn:a:b@1\nturn:a:b@1\nturn:a:b@1\n", &why), -EINVAL);
	assert_non_null(strstr(why, "line 9"));
	free(why);
}

const struct CMUnitTest test_relays[] = {
	cmocka_unit_test(lines_become_services),
	cmocka_unit_test(bad_lines_are_named),
	{ 0 }
};

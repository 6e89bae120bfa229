/* test_config_js.c - files as deployments have them, shortened */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "call/config_js.h"
#include "unit/unit.h"

static void read_as(struct deployment *d, const char *url, const char *js)
{
	const char *why = "";
	struct address a;

	assert_int_equal(address_parse(&a, url, NULL, NULL), 0);
	if (deployment_parse(d, js, strlen(js), &a, &why))
		fail_msg("not read: %s", why);
	address_clear(&a);
}

static void same(const char *got, const char *want)
{
	if (strcmp(got ? got : "(null)", want))
		fail_msg("'%s', not '%s'", got ? got : "(null)", want);
}

/* A package install with nginx' includes in it. */
static const char package_file[] =
	"/* eslint-disable comma-dangle, no-unused-vars, no-var, prefer-template, vars-on-top */\n"
	"\n"
	"/*\n * NOTE: If you add a new option please remember to document it here:\n * https://jitsi.github.io/\n */\n"
	"\n"
	"var subdir = '%s';\n"
	"var subdomain = '%s';\n"
	"\n"
	"if (subdomain) {\n"
	"    subdomain = subdomain.substr(0, subdomain.length - 1).split('.')\n"
	"        .join('_')\n"
	"        .toLowerCase() + '.';\n"
	"}\n"
	"\n"
	"// In case of no ssi provided by the webserver, use empty strings\n"
	"if (subdir.startsWith('<!--')) {\n"
	"    subdir = '';\n"
	"}\n"
	"var enableJaaS = false;\n"
	"\n"
	"var config = {\n"
	"    // Connection\n"
	"    //\n"
	"\n"
	"    hosts: {\n"
	"        // XMPP domain.\n"
	"        domain: 'meet.example.org',\n"
	"\n"
	"        // When using authentication, domain for guest users.\n"
	"        // anonymousdomain: 'guest.example.com',\n"
	"\n"
	"        // MUC component domain.\n"
	"        muc: 'conference.' + subdomain + 'meet.example.org',\n"
	"    },\n"
	"\n"
	"    // BOSH URL. FIXME: use XEP-0156 to discover it.\n"
	"    bosh: 'https://meet.example.org/' + subdir + 'http-bind',\n"
	"\n"
	"    // Websocket URL (XMPP)\n"
	"    websocket: 'wss://meet.example.org/' + subdir + 'xmpp-websocket',\n"
	"    websocketKeepAlive: 60 * 1000,\n"
	"    websocketKeepAliveUrl: 'https://meet.example.org/' + subdir + '_unlock',\n"
	"    testing: {\n"
	"        assumeBandwidth: true,\n"
	"        // mobileCodecPreferenceOrder: [ 'VP8', 'VP9', 'H264' ],\n"
	"    },\n"
	"    flags: { 'ssrcRewritingEnabled': true, },\n"
	"    audioQuality: { stereo: false },\n"
	"    startAudioMuted: 10,\n"
	"    p2p: {\n"
	"        enabled: true,\n"
	"        stunServers: [\n"
	"            // { urls: 'stun:meet.example.org:3478' },\n"
	"            { urls: 'stun:meet-jit-si-turnrelay.jitsi.net:443' },\n"
	"        ],\n"
	"    },\n"
	"    deploymentInfo: {\n"
	"        // shard: \"shard1\",\n"
	"        userRegion: \"\"\n"
	"    },\n"
	"    mouseMoveCallbackInterval: 1000,\n"
	"    _desktopSharingSourceDevice: null,\n"
	"    /**\n     * Notification timeouts\n     */\n"
	"    notificationTimeouts: { short: 2500, medium: 5000 },\n"
	"    // no configuration value should follow this line.\n"
	"    makeJsonParserHappy: 'even if last key had a trailing comma'\n"
	"};\n"
	"\n"
	"// Temporary backwards compatibility with old mobile clients.\n"
	"config.flags = config.flags || {};\n"
	"config.flags.sourceNameSignaling = true;\n"
	"\n"
	"// Set the default values for JaaS customers\n"
	"if (enableJaaS) {\n"
	"    config.dialInNumbersUrl = 'https://conference-mapper.jitsi.net/v1/access/dids';\n"
	"    config.hosts.muc = 'never.example.org';\n"
	"}\n";

static void read_package(struct deployment *d, const char *url, const char *dir, const char *domain)
{
	struct buf b = { 0 };
	const char *s = package_file, *hole;
	const char *const fill[2] = { dir, domain };

	for (int i = 0; i < 2; i++, s = hole + 2) {
		hole = strstr(s, "%s");
		buf_add(&b, s, (size_t)(hole - s));
		buf_adds(&b, fill[i]);
	}
	buf_adds(&b, s);
	read_as(d, url, buf_str(&b));
	buf_free(&b);
}

static void test_package(void **state)
{
	struct deployment d;

	(void)state;
	read_package(&d, "https://meet.example.org/r", "", "");
	same(d.domain, "meet.example.org");
	same(d.muc, "conference.meet.example.org");
	same(d.focus, "focus.meet.example.org");
	same(d.websocket, "wss://meet.example.org/xmpp-websocket");
	same(d.bosh, "https://meet.example.org/http-bind");
	same(d.keepalive_url, "https://meet.example.org/_unlock");
	assert_int_equal(d.keepalive_us, 60000000);
	assert_null(d.anonymous_domain);
	assert_null(d.conference_request);
	assert_null(d.user_region);
	assert_int_equal(d.start_audio_muted, 10);
	assert_false(d.guessed);
	deployment_clear(&d);
}

static void test_package_tenant(void **state)
{
	struct deployment d;

	(void)state;
	read_package(&d, "https://meet.example.org/Chor.Nord/r", "Chor.Nord/", "Chor.Nord.");
	same(d.muc, "conference.chor_nord.meet.example.org");
	/* The cleaned form in the path: or components look for another room. */
	same(d.websocket, "wss://meet.example.org/chor_nord/xmpp-websocket");
	deployment_clear(&d);
}

static void test_includes_left_over(void **state)
{
	struct deployment d;

	(void)state;
	read_package(&d, "https://meet.example.org/r", "<!--# echo var=\"subdir\" default=\"\" -->",
		     "<!--# echo var=\"subdomain\" default=\"\" -->");
	same(d.muc, "conference.meet.example.org");
	same(d.websocket, "wss://meet.example.org/xmpp-websocket");
	deployment_clear(&d);
	/* Also where the include's quotes are those of the string. */
	read_as(&d, "https://h.example/r", "var subdir = \"<!--# echo var=\"subdir\" default=\"\" -->\";\n"
		"var config = { hosts: { domain: 'h.example' }, websocket: 'wss://h.example/' + subdir + 'ws' }");
	same(d.websocket, "wss://h.example/ws");
	deployment_clear(&d);
}

/* Docker: system-config.js, settings-config.js and one's own, one after another. */
static void test_docker(void **state)
{
	static const char js[] =
		"// Begin default config overrides.\n"
		"if (!config.hasOwnProperty('hosts')) config.hosts = {};\n"
		"\n"
		"config.hosts.domain = 'meet.jitsi';\n"
		"config.focusUserJid = 'focus@auth.meet.jitsi';\n"
		"\n"
		"var subdir = '<!--# echo var=\"subdir\" default=\"\" -->';\n"
		"var subdomain = '<!--# echo var=\"subdomain\" default=\"\" -->';\n"
		"if (subdir.startsWith('<!--')) { subdir = ''; }\n"
		"if (subdomain) {\n"
		"    subdomain = subdomain.substring(0,subdomain.length-1).split('.').join('_').toLowerCase() + '.';\n"
		"}\n"
		"config.hosts.muc = 'muc.' + subdomain + 'meet.jitsi';\n"
		"config.bosh = 'https://meet.example.org:8443/' + subdir + 'http-bind';\n"
		"config.websocket = 'wss://meet.example.org:8443/' + subdir + 'xmpp-websocket';\n"
		"config.bridgeChannel = {\n"
		"    preferSctp: true\n"
		"};\n"
		"\n"
		"// Video configuration.\n"
		"//\n"
		"if (!config.hasOwnProperty('constraints')) config.constraints = {};\n"
		"if (!config.constraints.hasOwnProperty('video')) config.constraints.video = {};\n"
		"config.resolution = 720;\n"
		"config.constraints.video.height = { ideal: 720, max: 720, min: 180 };\n"
		"config.startAudioMuted = 10;\n"
		"config.p2p = { enabled: true, codecPreferenceOrder: [\"AV1\", \"VP9\"] }\n"
		"config.conferenceRequestUrl='https://meet.example.org:8443/' + subdir + 'conference-request/v1'\n"
		"config.hiddenDomain = 'hidden.meet.jitsi';\n"
		"config.analytics = {};\n"
		"config.xmppPing = {interval: 20 * 1000, 'timeout': 4000, threshold: 3}\n"
		"config['useTurnUdp'] = true;\n";
	struct deployment d;

	(void)state;
	read_as(&d, "https://meet.example.org:8443/r", js);
	same(d.domain, "meet.jitsi");
	same(d.muc, "muc.meet.jitsi");
	same(d.focus, "focus.meet.jitsi");
	same(d.focus_user_jid, "focus@auth.meet.jitsi");
	same(d.websocket, "wss://meet.example.org:8443/xmpp-websocket");
	same(d.conference_request, "https://meet.example.org:8443/conference-request/v1");
	same(d.hidden_domain, "hidden.meet.jitsi");
	assert_int_equal(d.start_audio_muted, 10);
	assert_int_equal(d.ping_interval_us, 20000000);
	assert_int_equal(d.ping_timeout_us, 4000000);
	assert_int_equal(d.ping_threshold, 3);
	deployment_clear(&d);
}

/* A large public deployment: conditions, functions, templates, regular expressions. */
static void test_public(void **state)
{
	static const char js[] =
		"/* eslint-disable */\n"
		"var subdir = 'team/';\n"
		"var subdomain = 'team.';\n"
		"if (subdomain) { subdomain = subdomain.substr(0, subdomain.length - 1).toLowerCase() + '.'; }\n"
		"const host = `meet.${'example'}.org`;\n"
		"var re = /['\"]\\/{/g, half = 6 / 2;\n"
		"function pick(list) { for (var i = 0; i < list.length; i++) { if (list[i] === '}') { return i; } } }\n"
		"var config = {\n"
		"    hosts: {\n"
		"        domain: host,\n"
		"        muc: `conference.${subdomain}${host}`, // required\n"
		"        focus: 'focus.' + host,\n"
		"        anonymousdomain: undefined\n"
		"    },\n"
		"    websocket: '//' + host + '/' + subdir + 'xmpp-websocket',\n"
		"    bosh: '/' + subdir + 'http-bind',\n"
		"    conferenceRequestUrl: '/' + subdir + 'conference-request/v1',\n"
		"    onReady: function () { return { hosts: { domain: 'evil.example' } }; },\n"
		"    watch: () => ({ a: 1 }),\n"
		"    pick(list) { return '}'; },\n"
		"    get now() { return Date.now(); },\n"
		"    ['comp' + 'uted']: true,\n"
		"    toolbarButtons: ['camera', ...extra, 'chat',],\n"
		"    tokenAuthUrl: 'https://login.example.org/?room={room}',\n"
		"    startWithAudioMuted: !0,\n"
		"    hiddenDomain: 'recorder.' + host,\n"
		"    deploymentInfo: { shard: 's-' + 12, region: isLocal ? 'x' : 'y', userRegion: 'eu' },\n"
		"    requireDisplayName: half > 2 && true,\n"
		"    title: '\\u00dcber \\x41 \\u{1F600}'\n"
		"};\n"
		"if (window.localStorage && localStorage.getItem('x') === 'y') {\n"
		"    config.hosts.domain = 'beta.example.org';\n"
		"} else if (typeof beta !== 'undefined') {\n"
		"    config.hosts.muc = 'beta.example.org';\n"
		"}\n"
		"(function () { config.hosts.focus = 'focus.meet.' + 'example.org'; })();\n"
		"for (;;) { config.websocket = 'wss://evil.example/'; }\n"
		"try { config.websocket = JSON.parse(x); } catch (e) { config.websocket = 'wss://evil.example/'; }\n"
		"switch (host) { case 'a': config.bosh = 'x'; break; default: config.bosh = 'y'; }\n"
		"config.hosts.muc += '';\n"
		"window.config.bridgeChannel = { ignoreDomain: 'old.example.org', preferSctp: true }\n"
		"config.watch = config\n"
		"config.hosts.self = config.hosts\n";
	struct deployment d;

	(void)state;
	read_as(&d, "https://meet.example.org/team/r", js);
	same(d.domain, "meet.example.org");
	same(d.muc, "conference.team.meet.example.org");
	same(d.focus, "focus.meet.example.org");
	same(d.websocket, "wss://meet.example.org/team/xmpp-websocket");
	same(d.bosh, "https://meet.example.org/team/http-bind");
	same(d.conference_request, "https://meet.example.org/team/conference-request/v1");
	same(d.token_auth_url, "https://login.example.org/?room={room}");
	same(d.hidden_domain, "recorder.meet.example.org");
	same(d.shard, "s-12");
	assert_null(d.region);
	same(d.user_region, "eu");
	same(d.ignore_channel_domain, "old.example.org");
	assert_null(d.anonymous_domain);
	assert_true(d.start_with_audio_muted);
	deployment_clear(&d);
}

static void test_minified(void **state)
{
	struct deployment d;

	(void)state;
	read_as(&d, "https://m.example/r", "var subdir='',subdomain='';subdomain&&(subdomain=subdomain.substr(0,1));"
		"var config={hosts:{domain:\"m.example\",muc:\"conference.\"+subdomain+\"m.example\",'focus':'f.m.example'},"
		"bosh:\"//m.example/\"+subdir+\"http-bind\",websocket:\"wss://m.example/\"+subdir+\"xmpp-websocket\","
		"p2p:{enabled:!1,stunServers:[{urls:\"stun:a:1\"},{urls:\"turn:b:2\"}]},a:[1,2,{b:/x[/]y/}]};"
		"config.conferenceRequestUrl=\"/cr\";");
	same(d.domain, "m.example");
	same(d.muc, "conference.m.example");
	same(d.focus, "f.m.example");
	same(d.bosh, "https://m.example/http-bind");
	same(d.conference_request, "https://m.example/cr");
	deployment_clear(&d);
}

/* Our own host's: plain http, a port, relative ways. */
static void test_own_host(void **state)
{
	struct deployment d;

	(void)state;
	read_as(&d, "http://127.0.0.1:8443/r", "var config = {\n  hosts: { domain: 'ttymeet.local', muc: 'conference.ttymeet.local',"
		" focus: 'focus.ttymeet.local' },\n  websocket: location.protocol.replace('http', 'ws') + '//x',\n"
		"  bosh: 'http://127.0.0.1:8443/http-bind',\n  conferenceRequestUrl: '/conference-request/v1'\n};");
	same(d.domain, "ttymeet.local");
	same(d.websocket, "ws://x");
	same(d.conference_request, "http://127.0.0.1:8443/conference-request/v1");
	deployment_clear(&d);
	read_as(&d, "http://127.0.0.1:8443/r", "var config = { hosts: { domain: 'x.local' }, websocket: "
		"'ws://' + window.location.host + '/xmpp-websocket' }");
	same(d.websocket, "ws://127.0.0.1:8443/xmpp-websocket");
	same(d.muc, "conference.x.local");
	deployment_clear(&d);
}

/* Settings that are worked out: what stands in the file is followed, what a
 * browser alone knows is not guessed. */
static void test_functions(void **state)
{
	static const struct { const char *js, *websocket; } t[] = {
		{ "function ws(dir) { return 'wss://' + location.host + '/' + dir; } at = ws('a')", "wss://h.example/a" },
		{ "function ws(dir) { var p = '/' + dir; if (dir) { return 'wss://h.example' + p; } return 'wss://other'; }"
		  "at = ws('a')", "wss://h.example/a" },
		{ "const ws = dir => `wss://${location.host}/${dir}`; at = ws('a');", "wss://h.example/a" },
		{ "const ws = (h, dir = 'a') => { return `wss://${h}/` + dir }\nat = ws('h.example')", "wss://h.example/a" },
		{ "var ws = function named(dir) { return ['wss:', '', 'h.example', dir].join('/') }; at = ws('a')", "wss://h.example/a" },
		{ "var lib = { host: 'h.example', url: function (d) { return 'wss://' + lib.host + '/' + d } }; at = lib.url('a')",
		  "wss://h.example/a" },
		{ "(function (c) { c.at = 'wss://h.example/a' })(window.box); at = box.at", "wss://h.example/a" },
		{ "(() => { at = 'wss://h.example/a' })();", "wss://h.example/a" },
		{ "!function () { at = 'wss://h.example/a' }()", "wss://h.example/a" },
		{ "at = 'https://h.example/http-bind'.replace('https', 'wss').split('/http-bind').join('/a')", "wss://h.example/a" },
		{ "var s = 'xwss://h.example/ab'; at = s.substring(1, s.length - 1)", "wss://h.example/a" },
		{ "var s = 'xwss://h.example/ab'; at = s.slice(1, -1)", "wss://h.example/a" },
		{ "try { at = 'wss://h.example/a'; } catch (e) { at = 'wss://wrong' }", "wss://h.example/a" },
		{ "var base = { ws: 'wss://h.example/a', x: 1 }; var all = { ...base, x: 2 }; at = all.ws", "wss://h.example/a" },
		{ "at = location.hostname.endsWith('.example') ? 'wss://h.example/a' : 'wss://wrong'", "wss://h.example/a" },
		{ "at = location.host.indexOf('nowhere') === -1 && 'wss://h.example/a'", "wss://h.example/a" },
		/* not known: the usual address */
		{ "function ws() { for (;;) { return 'wss://wrong' } return 'wss://wrong2' } at = ws()", NULL },
		{ "function ws() { if (Math.random() > 0.5) { return 'wss://wrong' } return 'wss://wrong2' } at = ws()", NULL },
		{ "function ws({ a }) { return 'wss://wrong' } at = ws({ a: 1 })", NULL },
		{ "function ws() { return ws() } at = ws()", NULL },
		{ "function ws() { ws(); ws(); ws(); return document.cookie } at = ws()", NULL },
		{ "at = nobody('x')", NULL }, { "at = 'x'.nothing()", NULL }, { "at = (window)(window)", NULL },
		{ "(function (w) { w.w = w; at = w })(window)", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct deployment d;
		struct buf b = { 0 };

		buf_addf(&b, "var at, box = {};\n%s\nvar config = { hosts: { domain: 'h.example' }, websocket: at };", t[i].js);
		read_as(&d, "https://h.example/r", buf_str(&b));
		if (strcmp(d.websocket, t[i].websocket ? t[i].websocket : "wss://h.example/xmpp-websocket"))
			fail_msg("%s: %s", t[i].js, d.websocket);
		buf_free(&b);
		deployment_clear(&d);
	}
}

static void test_no_config(void **state)
{
	static const struct { const char *js, *word; } t[] = {
		{ "", "empty" }, { " \n\t", "empty" }, { "<!DOCTYPE html><html>config</html>", "page" },
		{ "not found", "no settings" }, { "{\"error\": \"config\"}", "no settings" },
		{ "var config = {};", "no settings" }, { "var config = { theme: 'dark' };", "no settings" },
		{ "var config = {{{{{{{", "no settings" }, { "var config = 'x\n", "no settings" },
		{ "`${`${`${", "no settings" }, { "/*", "no settings" }, { "((((((((((((((((((((((((", "no settings" },
	};
	struct deployment d;
	struct address a;
	const char *why;

	(void)state;
	assert_int_equal(address_parse(&a, "https://h.example/r", NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(deployment_parse(&d, t[i].js, strlen(t[i].js), &a, &why), -EINVAL);
		if (!strstr(why, t[i].word))
			fail_msg("%s: %s", t[i].js, why);
		assert_null(d.domain);
	}
	address_clear(&a);
}

/* Neither a ring nor a doubling file makes us grow. */
static void test_hostile(void **state)
{
	struct deployment d;
	struct address a;
	struct buf b = { 0 };
	const char *why;

	(void)state;
	assert_int_equal(address_parse(&a, "https://h.example/r", NULL, NULL), 0);
	buf_adds(&b, "var a = [1,2,3]; var s = 'xxxxxxxxxxxxxxxx';\n");
	for (int i = 0; i < 60; i++)
		buf_adds(&b, "a = [a, a, a]; s = s + s; a[0] = a;\n");
	buf_adds(&b, "var config = { hosts: { domain: 'h.example' } }; config.hosts.x = config; config.y = config;");
	deployment_parse(&d, b.p, b.len, &a, &why);
	deployment_clear(&d);
	buf_clear(&b);
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "x = [{(!");
	deployment_parse(&d, b.p, b.len, &a, &why);
	deployment_clear(&d);
	buf_clear(&b);
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "if(1)-");
	deployment_parse(&d, b.p, b.len, &a, &why);
	deployment_clear(&d);
	buf_clear(&b);
	/* Each calls the one before twice. */
	buf_adds(&b, "function f0() { return 'x' }\n");
	for (int i = 1; i < 60; i++)
		buf_addf(&b, "function f%d() { return f%d() + f%d() }\n", i, i - 1, i - 1);
	buf_adds(&b, "var config = { hosts: { domain: f59() } }; config.x = (function g(a) { return g(g(a)) })(1);");
	deployment_parse(&d, b.p, b.len, &a, &why);
	deployment_clear(&d);
	buf_free(&b);
	address_clear(&a);
}

static void test_guesses(void **state)
{
	struct deployment d;
	struct address a;

	(void)state;
	assert_int_equal(address_parse(&a, "https://h.example/Team.A/r", NULL, NULL), 0);
	assert_int_equal(deployment_guess(&d, 0, &a), 0);
	assert_true(d.guessed);
	same(d.domain, "h.example");
	same(d.muc, "conference.team_a.h.example");
	same(d.focus, "focus.h.example");
	same(d.websocket, "wss://h.example/team_a/xmpp-websocket");
	deployment_clear(&d);
	assert_int_equal(deployment_guess(&d, 1, &a), 0);
	same(d.domain, "meet.jitsi");
	same(d.muc, "muc.team_a.meet.jitsi");
	deployment_clear(&d);
	assert_int_equal(deployment_guess(&d, 2, &a), -ENOENT);
	address_clear(&a);
}

const struct CMUnitTest test_config_js[] = {
	cmocka_unit_test(test_package),
	cmocka_unit_test(test_package_tenant),
	cmocka_unit_test(test_includes_left_over),
	cmocka_unit_test(test_docker),
	cmocka_unit_test(test_public),
	cmocka_unit_test(test_minified),
	cmocka_unit_test(test_functions),
	cmocka_unit_test(test_own_host),
	cmocka_unit_test(test_no_config),
	cmocka_unit_test(test_hostile),
	cmocka_unit_test(test_guesses),
	{ 0 }
};

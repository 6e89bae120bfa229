/* test_tls.c - whom the client trusts, and what it says where it does not */
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "certs.h"

extern const struct CMUnitTest test_tls[];

static int setup(void **state)
{
	*state = certs_new();
	return 0;
}

static int teardown(void **state)
{
	certs_free(*state);
	return 0;
}

static struct fixture *serve(const char *cert, const char *key, const char *ca, bool insecure)
{
	return fixture_new(&(struct fixture_options){ .cert = cert, .key = key, .ca_file = ca,
						      .insecure = insecure });
}

static void works(struct fixture *f)
{
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	ws_send(f->client, "hello", 5);
	wait_bytes(f, &f->got, 5);
	buf_clear(&f->got);
	ws_free(&f->client);
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->why, NET_OK);
	assert_string_equal(buf_str(&f->body), "GET /x  ");
}

static void fails(struct fixture *f, const char *words)
{
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_TLS);
	if (!strstr(f->text, words))
		fail_msg("\"%s\" does not say \"%s\"", f->text, words);
	assert_int_equal(f->accepted, 0);
	ws_free(&f->client);
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->why, NET_TLS);
	if (!strstr(f->text, words))
		fail_msg("\"%s\" does not say \"%s\"", f->text, words);
}

static void a_given_authority_is_trusted(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->good, c->good_key, c->ca, false);

	works(f);
	/* By number, too, since the certificate has it. */
	snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/", net_server_port(f->server));
	works(f);
	fixture_free(f);
	f = serve(c->self, c->self_key, c->self, false);
	works(f);
	fixture_free(f);
}

static void ipv6_by_number_is_checked(void **state)
{
	struct certs *c = *state;
	struct fixture_options o = { .address = "::1", .cert = c->good, .key = c->good_key, .ca_file = c->ca };
	struct fixture *f;

	if (access("/proc/net/if_inet6", R_OK))
		skip();
	f = fixture_new(&o);
	works(f);
	fixture_free(f);
	o.cert = c->other;
	o.key = c->other_key;
	f = fixture_new(&o);
	fails(f, "another name");
	fixture_free(f);
}

static void a_stranger_is_not(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->good, c->good_key, NULL, false);

	fails(f, "not trusted");
	fixture_free(f);
	f = serve(c->self, c->self_key, c->ca, false);
	fails(f, "signed by itself");
	fixture_free(f);
}

static void an_expired_certificate_is_named(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->old, c->old_key, c->ca, false);

	fails(f, "expired");
	fixture_free(f);
}

static void another_name_is_named(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->other, c->other_key, c->ca, false);

	fails(f, "another name");
	snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/", net_server_port(f->server));
	fails(f, "another name");
	fixture_free(f);
}

static void insecure_takes_all(void **state)
{
	struct certs *c = *state;
	const char *const v[][2] = { { c->old, c->old_key }, { c->other, c->other_key },
				     { c->self, c->self_key }, { c->good, c->good_key } };

	for (int i = 0; i < 4; i++) {
		struct fixture *f = serve(v[i][0], v[i][1], NULL, true);

		works(f);
		fixture_free(f);
	}
}

/* The system's store, moved by the variable that OpenSSL reads. */
static void the_systems_store_is_used(void **state)
{
	struct certs *c = *state;
	char *old = getenv("SSL_CERT_FILE") ? strdup(getenv("SSL_CERT_FILE")) : NULL;
	struct fixture *f;

	setenv("SSL_CERT_FILE", c->ca, 1);
	f = serve(c->good, c->good_key, NULL, false);
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->opened);
	fixture_free(f);
	/* A CA file stands in its place, not beside it. */
	f = serve(c->good, c->good_key, c->other, false);
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_TLS);
	fixture_free(f);
	if (old)
		setenv("SSL_CERT_FILE", old, 1);
	else
		unsetenv("SSL_CERT_FILE");
	free(old);
}

static void an_unreadable_ca_file_is_named(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->good, c->good_key, "/nonexistent/ca.pem", false);

	fails(f, "/nonexistent/ca.pem");
	fixture_free(f);
}

static void plain_http_is_no_tls(void **state)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });

	(void)state;
	snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/", net_server_port(f->server));
	open_at(f, "ws", "xmpp");
	wait_for(f, &f->closed);
	assert_int_equal(f->why, NET_TLS);
	assert_non_null(strstr(f->text, "TLS"));
	ws_free(&f->client);
	ask(f, "GET", "x", NULL);
	assert_int_equal(f->why, NET_TLS);
	fixture_free(f);
}

/* libwebsockets makes one slash of two in a query. */
static char *redirect(const char *from, const char *to)
{
	char *coded = text_percent_encode(to, NULL);
	struct buf b = { 0 };

	buf_addf(&b, "%sto?%s", from, coded);
	free(coded);
	return buf_steal(&b);
}

static void tls_is_not_left_by_a_redirect(void **state)
{
	struct certs *c = *state;
	struct fixture *f = serve(c->good, c->good_key, c->ca, false);
	struct net_server_params p = { .address = "127.0.0.1" };
	struct net_server *s;
	char plain[60], *url;

	assert_int_equal(net_listen(&s, f->net, &p, &server_handlers, f), 0);
	snprintf(plain, sizeof(plain), "http://127.0.0.1:%u/", net_server_port(s));
	url = redirect(f->url, plain);
	ask(f, "GET", url, NULL);
	assert_int_equal(f->why, NET_HTTP);
	assert_non_null(strstr(f->text, "https to http"));
	free(url);
	url = redirect(f->url, f->url);
	ask(f, "GET", url, NULL);
	assert_int_equal(f->why, NET_OK);
	assert_string_equal(buf_str(&f->body), "GET /  ");
	free(url);
	url = redirect(plain, f->url);
	ask(f, "GET", url, NULL);       /* up is allowed */
	assert_string_equal(buf_str(&f->body), "GET /  ");
	free(url);
	net_server_free(&s);
	fixture_free(f);
}

static void a_server_without_its_files_does_not_start(void **state)
{
	struct certs *c = *state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	struct net_server_params p = { .address = "127.0.0.1", .cert_file = "/nonexistent", .key_file = c->good_key };
	struct net_server *s;

	assert_true(net_listen(&s, f->net, &p, &server_handlers, f) < 0);
	p.cert_file = c->ca;            /* not the key's */
	assert_true(net_listen(&s, f->net, &p, &server_handlers, f) < 0);
	p.cert_file = NULL;
	assert_true(net_listen(&s, f->net, &p, &server_handlers, f) < 0);
	fixture_free(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
const struct CMUnitTest test_tls[] = {
	T(a_given_authority_is_trusted), T(ipv6_by_number_is_checked), T(a_stranger_is_not),
	T(an_expired_certificate_is_named), T(another_name_is_named), T(insecure_takes_all),
	T(the_systems_store_is_used), T(an_unreadable_ca_file_is_named),
	cmocka_unit_test(plain_http_is_no_tls), T(tls_is_not_left_by_a_redirect),
	T(a_server_without_its_files_does_not_start),
	{ 0 }
};

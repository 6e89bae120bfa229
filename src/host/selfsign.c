/* selfsign.c - a certificate of our own making, in memory alone
 *
 * For hosts outside loopback that were given none: clients have to be told to
 * trust it (--insecure), but nobody on the way reads along.  Libraries want
 * files; memfds are files that no disk ever sees.
 */
#include "host/selfsign.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/rng.h"

enum { DAY_S = 24 * 3600, VALID_DAYS = 90 };

static int add_names(X509 *x, const char *name)
{
	unsigned char raw[16];
	bool is_address = inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
	X509_EXTENSION *e;
	char text[300];
	int ok;

	snprintf(text, sizeof(text), "DNS:localhost,IP:127.0.0.1,%s:%s", is_address ? "IP" : "DNS", name);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	if (!e)
		return -EINVAL;
	ok = X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	return ok ? 0 : -ENOMEM;
}

static int fill(X509 *x, EVP_PKEY *key, const char *name)
{
	uint32_t serial = rng_u32() >> 1 | 1;
	X509_NAME *n = X509_get_subject_name(x);

	if (!X509_set_version(x, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) ||
	    /* Clocks differ: it began yesterday. */
	    !X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), VALID_DAYS * DAY_S) ||
	    !X509_set_pubkey(x, key) ||
	    !X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)"ttymeet host",
					-1, -1, 0) ||
	    !X509_set_issuer_name(x, n) || add_names(x, name) || !X509_sign(x, key, EVP_sha256()))
		return -EIO;
	return 0;
}

/* PEM into a nameless file; the caller's to close. */
static int to_file(BIO *pem, char path[32])
{
	char *p;
	long n = BIO_get_mem_data(pem, &p), done = 0;
	int fd = memfd_create("ttymeet", MFD_CLOEXEC);

	while (fd >= 0 && done < n) {
		ssize_t w = write(fd, p + done, (size_t)(n - done));

		if (w <= 0) {
			close(fd);
			return -EIO;
		}
		done += w;
	}
	if (fd >= 0)
		snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd >= 0 ? fd : -errno;
}

int selfsign_open(struct selfsign *s, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *cert = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
	int err = -ENOMEM;

	s->cert_fd = s->key_fd = -1;
	if (key && x && cert && secret)
		err = fill(x, key, name);
	if (!err && (!PEM_write_bio_X509(cert, x) ||
		     !PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL)))
		err = -EIO;
	if (!err) {
		s->cert_fd = to_file(cert, s->cert_path);
		s->key_fd = to_file(secret, s->key_path);
		if (s->cert_fd < 0 || s->key_fd < 0)
			err = -EIO;
	}
	BIO_free(cert);
	BIO_free(secret);
	X509_free(x);
	EVP_PKEY_free(key);
	if (err)
		selfsign_close(s);
	return err;
}

void selfsign_close(struct selfsign *s)
{
	if (s->cert_fd > 0)
		close(s->cert_fd);
	if (s->key_fd > 0)
		close(s->key_fd);
	memset(s, 0, sizeof(*s));
}

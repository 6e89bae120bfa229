/* tls_text.c - what is wrong with a certificate, in words for people
 *
 * OpenSSL's own words are kept behind ours: they can be looked up.
 */
#include "io/tls_text.h"
#include <openssl/x509_vfy.h>
#include "base/buf.h"

static const char *words(long error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "is not valid yet; is the clock of this machine right?";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "is for another name";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "is signed by itself and not trusted here";
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "comes from an authority that is not trusted here";
	case X509_V_ERR_CERT_REVOKED:
		return "was revoked";
	default:
		return "was not accepted";
	}
}

char *tls_text(const char *host, long error)
{
	struct buf b = { 0 };

	if (!error)
		return NULL;
	buf_addf(&b, "the certificate of %s %s (%s)", host, words(error),
		 X509_verify_cert_error_string(error));
	return buf_steal(&b);
}

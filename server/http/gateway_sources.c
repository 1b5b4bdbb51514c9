#include "gateway_sources_internal.h"

#include <microhttpd.h>
#include <string.h>

#include "cv/codec/forwarded_certificate.h"
#include "cv/pki/digest.h"
#include "cv/util/text.h"

struct reading {
	struct cv_request *request;
	const struct cv_sources *sources;
	struct cv_buffer *der; /* of the certificate, where a source carried one */
	bool has_fingerprint;
	bool has_name;
	/* Headers that this gateway calls otherwise; not set where it has none. */
	struct cv_header_value renamed[CV_SOURCE_HEADERS];
};

struct source {
	enum cv_source_header header;
	enum cv_verdict (*read)(
	    struct reading *reading, const struct source *source, const char *value);
	bool (*decode)(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
};

/* The usual names. */
static const enum cv_header usual_headers[CV_SOURCE_HEADERS] = {
    [CV_SOURCE_HEADER_RFC9440] = CV_HEADER_CLIENT_CERT,
    [CV_SOURCE_HEADER_XFCC] = CV_HEADER_X_FORWARDED_CLIENT_CERT,
    [CV_SOURCE_HEADER_PEM] = CV_HEADER_X_CLIENT_CERT,
    [CV_SOURCE_HEADER_TRAEFIK] = CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT,
    [CV_SOURCE_HEADER_TRAEFIK_INFO] = CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT_INFO,
    [CV_SOURCE_HEADER_ALB_LEAF] = CV_HEADER_X_AMZN_MTLS_CLIENTCERT_LEAF,
    [CV_SOURCE_HEADER_ALB] = CV_HEADER_X_AMZN_MTLS_CLIENTCERT,
    [CV_SOURCE_HEADER_ISSUER] = CV_HEADER_X_CLIENT_CERT_ISSUER,
    [CV_SOURCE_HEADER_SERIAL] = CV_HEADER_X_CLIENT_CERT_SERIAL,
    [CV_SOURCE_HEADER_SHA256] = CV_HEADER_X_CLIENT_CERT_SHA256,
    [CV_SOURCE_HEADER_SHA1] = CV_HEADER_X_CLIENT_CERT_SHA1,
};

/* Of a header that is read. */
static const struct cv_header_value *
value_of(const struct reading *reading, enum cv_source_header header)
{
	return cv_sources_rename(reading->sources, header)
		   ? &reading->renamed[header]
		   : &reading->request->headers[usual_headers[header]];
}

/* More than one answer, or none that can be read. */
static enum cv_verdict
refuse(const struct reading *reading)
{
	return reading->request->error.code == CV_E_CONFLICT ? CV_VERDICT_AMBIGUOUS
							     : CV_VERDICT_BAD_CERTIFICATE;
}

static enum cv_verdict
take_fingerprint(struct reading *reading, const struct cv_digest *fingerprint)
{
	struct cv_digest *kept = &reading->request->evidence.fingerprint;

	if (reading->has_fingerprint && !cv_digest_equal(kept, fingerprint))
		return CV_VERDICT_AMBIGUOUS;
	*kept = *fingerprint;
	reading->has_fingerprint = true;
	return CV_VERDICT_OK;
}

/* What was appended behind `before` is a certificate; a second one is the same or is refused. */
static enum cv_verdict
take_certificate(struct reading *reading, size_t before)
{
	struct cv_buffer *der = reading->der;
	struct cv_digest fingerprint;

	if (der->has_failed) {
		(void)cv_fail(&reading->request->error, CV_E_MEMORY, "out of memory");
		return CV_VERDICT_UNAVAILABLE;
	}
	cv_digest_sha256(cv_bytes(der->data + before, der->len - before), &fingerprint);
	if (before > 0)
		der->len = before;
	return take_fingerprint(reading, &fingerprint);
}

/* The one place for names; made when the first comes, because most requests have none. */
static struct cv_certificate_name *
name_of(struct reading *reading)
{
	struct cv_certificate_name *name = &reading->request->name;

	if (!reading->has_name)
		memset(name, 0, sizeof(*name));
	reading->has_name = true;
	return name;
}

/* Two sources give issuer and serial number: they must give the same. */
static enum cv_verdict
take_issuer_serial(struct reading *reading, const struct cv_certificate_name *found)
{
	struct cv_certificate_name *name = name_of(reading);

	if (name->issuer[0] != '\0' && (!cv_text_equal(name->issuer, found->issuer) ||
					   !cv_bytes_equal(cv_bytes(name->serial, name->serial_len),
					       cv_bytes(found->serial, found->serial_len))))
		return CV_VERDICT_AMBIGUOUS;
	memcpy(name->issuer, found->issuer, sizeof(name->issuer));
	memcpy(name->serial, found->serial, sizeof(name->serial));
	name->serial_len = found->serial_len;
	return CV_VERDICT_OK;
}

/* ---- one source each ---- */

static enum cv_verdict
read_certificate(struct reading *reading, const struct source *source, const char *value)
{
	size_t before = reading->der->len;

	if (!source->decode(value, reading->der, &reading->request->error))
		return refuse(reading);
	return take_certificate(reading, before);
}

static enum cv_verdict
read_sha256(struct reading *reading, const struct source *source, const char *value)
{
	struct cv_digest fingerprint;

	(void)source;
	if (!cv_forwarded_sha256(value, &fingerprint, &reading->request->error))
		return refuse(reading);
	return take_fingerprint(reading, &fingerprint);
}

static enum cv_verdict
read_sha1(struct reading *reading, const struct source *source, const char *value)
{
	(void)source;
	if (!cv_forwarded_sha1(value, name_of(reading), &reading->request->error))
		return refuse(reading);
	return CV_VERDICT_OK;
}

static enum cv_verdict
read_xfcc(struct reading *reading, const struct source *source, const char *value)
{
	size_t before = reading->der->len;
	struct cv_forwarded_xfcc xfcc;
	enum cv_verdict verdict = CV_VERDICT_OK;

	(void)source;
	if (!cv_forwarded_xfcc(value, reading->der, &xfcc, &reading->request->error))
		return refuse(reading);
	if (xfcc.has_fingerprint)
		verdict = take_fingerprint(reading, &xfcc.fingerprint);
	return verdict == CV_VERDICT_OK && xfcc.has_certificate ? take_certificate(reading, before)
								: verdict;
}

static bool
has_value(const struct reading *reading, enum cv_source_header header)
{
	const struct cv_header_value *value = value_of(reading, header);

	return value->count > 0 && value->text[0] != '\0';
}

static enum cv_verdict
read_traefik_info(struct reading *reading, const struct source *source, const char *value)
{
	struct cv_certificate_name found = {.issuer = ""};

	(void)source;
	if (has_value(reading, CV_SOURCE_HEADER_TRAEFIK))
		return CV_VERDICT_OK; /* the certificate itself says it */
	if (!cv_forwarded_traefik_info(value, &found, &reading->request->error))
		return refuse(reading);
	return take_issuer_serial(reading, &found);
}

static enum cv_verdict
read_issuer_serial(struct reading *reading, const struct source *source, const char *value)
{
	const struct cv_header_value *serial = value_of(reading, CV_SOURCE_HEADER_SERIAL);
	struct cv_certificate_name found = {.issuer = ""};

	(void)source;
	if (serial->count > 1)
		return CV_VERDICT_AMBIGUOUS;
	if (!cv_forwarded_issuer_serial(
		value, serial->count == 0 ? "" : serial->text, &found, &reading->request->error))
		return refuse(reading);
	return take_issuer_serial(reading, &found);
}

static const struct source known_sources[] = {
    {CV_SOURCE_HEADER_RFC9440, read_certificate, cv_forwarded_rfc9440},
    {CV_SOURCE_HEADER_XFCC, read_xfcc, NULL},
    {CV_SOURCE_HEADER_PEM, read_certificate, cv_forwarded_pem},
    {CV_SOURCE_HEADER_TRAEFIK, read_certificate, cv_forwarded_traefik},
    {CV_SOURCE_HEADER_TRAEFIK_INFO, read_traefik_info, NULL},
    {CV_SOURCE_HEADER_ALB_LEAF, read_certificate, cv_forwarded_pem_chain},
    {CV_SOURCE_HEADER_ALB, read_certificate, cv_forwarded_pem_chain},
    {CV_SOURCE_HEADER_ISSUER, read_issuer_serial, NULL},
    {CV_SOURCE_HEADER_SHA256, read_sha256, NULL},
    {CV_SOURCE_HEADER_SHA1, read_sha1, NULL},
};

/* ---- all of them ---- */

/* With the certificate at hand its SHA-1 needs no looking up. */
static enum cv_verdict
compare_sha1(struct reading *reading)
{
	struct cv_certificate_name *name = &reading->request->name;
	uint8_t sha1[CV_SHA1_LEN];

	if (!reading->has_name || !name->has_sha1 || reading->der->len == 0)
		return CV_VERDICT_OK;
	cv_digest_sha1(cv_buffer_bytes(reading->der), sha1);
	if (memcmp(sha1, name->sha1, sizeof(sha1)) != 0)
		return CV_VERDICT_AMBIGUOUS;
	name->has_sha1 = false;
	reading->has_name = name->issuer[0] != '\0';
	return CV_VERDICT_OK;
}

static enum cv_evidence_class
class_of(const struct reading *reading)
{
	if (reading->der->len > 0)
		return CV_EVIDENCE_CERTIFICATE;
	if (reading->has_fingerprint)
		return CV_EVIDENCE_FINGERPRINT;
	return reading->request->name.has_sha1 ? CV_EVIDENCE_SHA1 : CV_EVIDENCE_NAME;
}

static enum cv_verdict
conclude(struct reading *reading)
{
	struct cv_request *request = reading->request;
	struct cv_evidence *evidence = &request->evidence;
	enum cv_verdict verdict = compare_sha1(reading);

	if (verdict != CV_VERDICT_OK)
		return verdict;
	if (!reading->has_fingerprint && !reading->has_name)
		return CV_VERDICT_NO_CERTIFICATE;
	evidence->evidence = class_of(reading);
	evidence->certificate = cv_buffer_bytes(reading->der);
	if (reading->has_name)
		evidence->name = &request->name;
	if (!reading->has_fingerprint)
		cv_digest_sha256(
		    cv_bytes(&request->name, sizeof(request->name)), &evidence->fingerprint);
	return CV_VERDICT_OK;
}

/* One more pass over the headers, for gateways that have names of their own. */
static enum MHD_Result
take_renamed(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct reading *reading = context;

	(void)kind;
	for (unsigned i = 0; i < CV_SOURCE_HEADERS; i++) {
		if (!cv_sources_rename(reading->sources, (enum cv_source_header)i) ||
		    !cv_text_equal_ignoring_case(name, reading->sources->names[i]))
			continue;
		if (reading->renamed[i].count++ == 0)
			reading->renamed[i].text = value == NULL ? "" : value;
		break;
	}
	return MHD_YES;
}

static void
find_renamed(struct reading *reading)
{
	memset(reading->renamed, 0, sizeof(reading->renamed));
	(void)MHD_get_connection_values(
	    reading->request->mhd, MHD_HEADER_KIND, take_renamed, reading);
}

enum cv_verdict
cv_gateway_sources_read(struct cv_request *request, const struct cv_sources *sources)
{
	struct reading reading;

	reading.request = request;
	reading.sources = sources;
	reading.der = &request->certificate;
	reading.has_fingerprint = false;
	reading.has_name = false;
	cv_buffer_reset(reading.der);
	if (sources->renamed != 0)
		find_renamed(&reading);
	for (size_t i = 0; i < sizeof(known_sources) / sizeof(known_sources[0]); i++) {
		const struct source *source = &known_sources[i];
		const struct cv_header_value *header = value_of(&reading, source->header);
		enum cv_verdict verdict;

		if (!cv_sources_read(sources, source->header) || header->count == 0)
			continue;
		if (header->count > 1)
			return CV_VERDICT_AMBIGUOUS;
		if (header->text[0] == '\0') /* the gateway's client had none */
			continue;
		verdict = source->read(&reading, source, header->text);
		if (verdict != CV_VERDICT_OK)
			return verdict;
	}
	return conclude(&reading);
}

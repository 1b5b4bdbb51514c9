#include "cv/pki/name_text.h"

#include "cv/pki/oid.h"
#include "cv/pki/openssl_auto.h"
#include "cv/util/text.h"
#include "name_internal.h"

static bool
write_rfc2253(const X509_NAME *name, char *ret_text, size_t size)
{
	CV_AUTO_OPENSSL(BIO) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		return false;
	len = BIO_get_mem_data(bio, &text);
	return len > 0 && cv_text_copy_bytes(ret_text, size, text, (size_t)len);
}

static bool
write_slashes(const X509_NAME *name, char *ret_text, size_t size)
{
	char *text = X509_NAME_oneline(name, NULL, 0);
	bool is_good = text && text[0] && cv_text_copy(ret_text, size, text);

	OPENSSL_free(text);
	return is_good;
}

static bool
write_with_openssl(struct cv_bytes der, enum cv_name_style style, char *ret_text, size_t size)
{
	const unsigned char *at = der.data;
	CV_AUTO_OPENSSL(X509_NAME) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);

	if (!name || at != der.data + der.len)
		return false;
	return style == CV_NAME_RFC2253 ? write_rfc2253(name, ret_text, size)
					: write_slashes(name, ret_text, size);
}

struct part {
	const char *label;
	struct cv_bytes type;
	bool is_single; /* the last one counts */
};

static void
append_part(struct cv_buffer *text, const char *label, struct cv_bytes value)
{
	cv_buffer_append_text(text, text->len ? "," : "");
	cv_buffer_append_text(text, label);
	cv_buffer_append_text(text, "=");
	cv_buffer_append(text, value.data, value.len);
}

static bool
append_parts(struct cv_buffer *text, struct cv_bytes name, const struct part *part)
{
	struct cv_name_reader reader;
	struct cv_name_attribute attribute;
	struct cv_bytes last = {NULL, 0};
	enum cv_name_step step;

	if (!cv_name_open(name, &reader))
		return false;
	while ((step = cv_name_next(&reader, &attribute)) == CV_NAME_ATTRIBUTE) {
		if (!cv_bytes_equal(attribute.type, part->type) || attribute.value.len == 0)
			continue;
		if (!part->is_single)
			append_part(text, part->label, attribute.value);
		last = attribute.value;
	}
	if (part->is_single && last.len)
		append_part(text, part->label, last);
	return step == CV_NAME_END;
}

static bool
write_traefik(struct cv_bytes name, char *ret_text, size_t size)
{
	static const struct part parts[] = {
	    {"DC", CV_OID_INIT(CV_OID_DOMAIN_COMPONENT), false},
	    {"C", CV_OID_INIT(CV_OID_COUNTRY), false},
	    {"ST", CV_OID_INIT(CV_OID_STATE), false},
	    {"L", CV_OID_INIT(CV_OID_LOCALITY), false},
	    {"O", CV_OID_INIT(CV_OID_ORGANIZATION), false},
	    {"SN", CV_OID_INIT(CV_OID_SERIAL_NUMBER), true},
	    {"CN", CV_OID_INIT(CV_OID_COMMON_NAME), true},
	};
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!append_parts(&text, name, &parts[i]))
			return false;
	}
	return text.len && cv_text_copy_bytes(ret_text, size, text.data, text.len);
}

bool
cv_name_write(struct cv_bytes name, enum cv_name_style style, char *ret_text, size_t size)
{
	ret_text[0] = '\0';
	return style == CV_NAME_TRAEFIK ? write_traefik(name, ret_text, size)
					: write_with_openssl(name, style, ret_text, size);
}

#include "cv/model/state.h"

#include <stddef.h>

#include "cv/util/text.h"

struct name_row {
	int value;
	const char *name;
};

/* The tables end with a NULL name. */
static const struct name_row authority_kind_names[] = {
    {CV_AUTHORITY_ROOT, "root"},
    {CV_AUTHORITY_ONLINE, "online"},
    {CV_AUTHORITY_OFFLINE, "offline"},
    {CV_AUTHORITY_BOOTSTRAP, "bootstrap"},
    {0, NULL},
};

static const struct name_row authority_state_names[] = {
    {CV_AUTHORITY_TRUSTED, "trusted"},
    {CV_AUTHORITY_DISABLED, "disabled"},
    {CV_AUTHORITY_REVOKED, "revoked"},
    {0, NULL},
};

static const struct name_row device_state_names[] = {
    {CV_DEVICE_OK, "ok"},
    {CV_DEVICE_HELD, "held"},
    {CV_DEVICE_DELETED, "deleted"},
    {CV_DEVICE_REVOKED, "revoked"},
    {0, NULL},
};

static const struct name_row key_state_names[] = {
    {CV_KEY_UNKNOWN, "unknown"},
    {CV_KEY_ASKED, "asked"},
    {CV_KEY_ANNOUNCED, "announced"},
    {CV_KEY_CURRENT, "current"},
    {CV_KEY_RETIRED, "retired"},
    {CV_KEY_DISCARDED, "discarded"},
    {CV_KEY_COMPROMISED, "compromised"},
    {0, NULL},
};

static const struct name_row certificate_state_names[] = {
    {CV_CERTIFICATE_UNKNOWN, "unknown"},
    {CV_CERTIFICATE_ISSUED, "issued"},
    {CV_CERTIFICATE_ANNOUNCED, "announced"},
    {CV_CERTIFICATE_ACTIVE, "active"},
    {CV_CERTIFICATE_RETIRED, "retired"},
    {CV_CERTIFICATE_REVOKED, "revoked"},
    {CV_CERTIFICATE_DISCARDED, "discarded"},
    {0, NULL},
};

/* As written in the ASN.1 of RFC 5280 section 5.3.1. */
static const struct name_row reason_names[] = {
    {CV_REASON_UNSPECIFIED, "unspecified"},
    {CV_REASON_KEY_COMPROMISE, "keyCompromise"},
    {CV_REASON_CA_COMPROMISE, "cACompromise"},
    {CV_REASON_AFFILIATION_CHANGED, "affiliationChanged"},
    {CV_REASON_SUPERSEDED, "superseded"},
    {CV_REASON_CESSATION_OF_OPERATION, "cessationOfOperation"},
    {CV_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
    {0, NULL},
};

static const char *
find_name(const struct name_row *rows, int value)
{
	for (; rows->name != NULL; rows++) {
		if (rows->value == value)
			return rows->name;
	}
	return "invalid";
}

static bool
find_value(const struct name_row *rows, const char *name, int *ret_value)
{
	for (; rows->name != NULL; rows++) {
		if (cv_text_equal(rows->name, name)) {
			*ret_value = rows->value;
			return true;
		}
	}
	return false;
}

enum cv_certificate_state
cv_certificate_state_of(enum cv_key_state key_state, bool is_revoked)
{
	if (is_revoked)
		return CV_CERTIFICATE_REVOKED;
	switch (key_state) {
	case CV_KEY_UNKNOWN:
		return CV_CERTIFICATE_UNKNOWN;
	case CV_KEY_ASKED:
		return CV_CERTIFICATE_ISSUED;
	case CV_KEY_ANNOUNCED:
		return CV_CERTIFICATE_ANNOUNCED;
	case CV_KEY_CURRENT:
		return CV_CERTIFICATE_ACTIVE;
	case CV_KEY_RETIRED:
		return CV_CERTIFICATE_RETIRED;
	case CV_KEY_DISCARDED:
		return CV_CERTIFICATE_DISCARDED;
	case CV_KEY_COMPROMISED:
		return CV_CERTIFICATE_REVOKED;
	}
	return CV_CERTIFICATE_UNKNOWN;
}

bool
cv_key_state_is_denied(enum cv_key_state state)
{
	return state == CV_KEY_RETIRED || state == CV_KEY_DISCARDED || state == CV_KEY_COMPROMISED;
}

const char *
cv_authority_kind_name(enum cv_authority_kind kind)
{
	return find_name(authority_kind_names, (int)kind);
}

bool
cv_authority_kind_parse(const char *name, enum cv_authority_kind *ret_kind)
{
	int value;

	if (!find_value(authority_kind_names, name, &value))
		return false;
	*ret_kind = (enum cv_authority_kind)value;
	return true;
}

const char *
cv_authority_state_name(enum cv_authority_state state)
{
	return find_name(authority_state_names, (int)state);
}

bool
cv_authority_state_parse(const char *name, enum cv_authority_state *ret_state)
{
	int value;

	if (!find_value(authority_state_names, name, &value))
		return false;
	*ret_state = (enum cv_authority_state)value;
	return true;
}

const char *
cv_device_state_name(enum cv_device_state state)
{
	return find_name(device_state_names, (int)state);
}

bool
cv_device_state_parse(const char *name, enum cv_device_state *ret_state)
{
	int value;

	if (!find_value(device_state_names, name, &value))
		return false;
	*ret_state = (enum cv_device_state)value;
	return true;
}

const char *
cv_key_state_name(enum cv_key_state state)
{
	return find_name(key_state_names, (int)state);
}

bool
cv_key_state_parse(const char *name, enum cv_key_state *ret_state)
{
	int value;

	if (!find_value(key_state_names, name, &value))
		return false;
	*ret_state = (enum cv_key_state)value;
	return true;
}

const char *
cv_certificate_state_name(enum cv_certificate_state state)
{
	return find_name(certificate_state_names, (int)state);
}

const char *
cv_reason_name(enum cv_reason reason)
{
	return find_name(reason_names, (int)reason);
}

bool
cv_reason_parse(const char *name, enum cv_reason *ret_reason)
{
	int value;

	if (!find_value(reason_names, name, &value))
		return false;
	*ret_reason = (enum cv_reason)value;
	return true;
}

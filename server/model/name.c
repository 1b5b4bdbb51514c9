#include "cv/model/name.h"

#include <string.h>

#include "cv/util/text.h"

/* Not isalnum(): names are compared as bytes and must not depend on a locale. */
static bool
is_letter_or_digit(char character)
{
	return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
	       (character >= '0' && character <= '9');
}

/* 1 to max letters, digits and characters of punctuation. */
static bool
is_name(const char *name, size_t len, size_t max, const char *punctuation)
{
	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (is_letter_or_digit(name[i]))
			continue;
		if (name[i] == '\0' || strchr(punctuation, name[i]) == NULL)
			return false;
	}
	return true;
}

/* "." and "..": no path of a URL can name them (RFC 3986 section 5.2.4), so nobody could hold or
 * revoke what is called so. */
static bool
is_dots(const char *name, size_t len)
{
	return len <= 2 && strspn(name, ".") >= len;
}

bool
cv_device_id_is_valid(const char *id, size_t len)
{
	return is_name(id, len, CV_DEVICE_ID_MAX, "._:-") && !is_dots(id, len);
}

bool
cv_factory_name_is_valid(const char *name, size_t len)
{
	return is_name(name, len, CV_FACTORY_NAME_MAX, "._-") && !is_dots(name, len);
}

bool
cv_device_name_is_valid(const char *name, size_t len)
{
	if (len == 0 || name[0] == ' ' || name[len - 1] == ' ')
		return false;
	return is_name(name, len, CV_DEVICE_NAME_MAX, "._:@+- ") && !is_dots(name, len);
}

bool
cv_policy_name_is_valid(const char *name, size_t len)
{
	return is_name(name, len, CV_POLICY_NAME_MAX, "._-");
}

bool
cv_uuid_is_valid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t len = strlen(text);

	if (len != strlen(form))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_digit = strchr("0123456789abcdefABCDEF", text[i]) != NULL;

		if (form[i] == 'x' ? !is_digit : text[i] != '-')
			return false;
	}
	return true;
}

static bool
slot_name_is_valid(const char *name, size_t len)
{
	return is_name(name, len, CV_SLOT_NAME_MAX, "._:/-");
}

bool
cv_party_restore(
    struct cv_party *ret_party, const char *factory, const char *device, const char *slot)
{
	struct cv_party party;

	/* Whole arrays are defined, so that parties can be hashed and compared as bytes. */
	memset(&party, 0, sizeof(party));
	if (!cv_text_copy(party.factory, sizeof(party.factory), factory) ||
	    !cv_text_copy(party.device, sizeof(party.device), device) ||
	    !cv_text_copy(party.slot, sizeof(party.slot), slot))
		return false;
	*ret_party = party;
	return true;
}

bool
cv_party_set(struct cv_party *ret_party, const char *factory, const char *device, const char *slot)
{
	if (slot == NULL)
		slot = CV_SLOT_CLIENT;
	return cv_factory_name_is_valid(factory, strlen(factory)) &&
	       cv_device_id_is_valid(device, strlen(device)) &&
	       slot_name_is_valid(slot, strlen(slot)) &&
	       cv_party_restore(ret_party, factory, device, slot);
}

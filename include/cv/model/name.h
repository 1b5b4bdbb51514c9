/* Names that come from outside, in fixed arrays: compared as bytes, checked once at the border. */
#ifndef CV_MODEL_NAME_H
#define CV_MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define CV_DEVICE_ID_MAX 64
#define CV_DEVICE_NAME_MAX 64
#define CV_FACTORY_NAME_MAX 64
#define CV_SLOT_NAME_MAX 32
#define CV_POLICY_NAME_MAX 32
#define CV_POLICIES_MAX 16
#define CV_POLICY_LIST_SIZE 401 /* of the policies of a group with ", " between them */
/* Who did something: "device", "operator:<name>". */
#define CV_ACTOR_SIZE 160
#define CV_REQUEST_ID_SIZE 64
#define CV_SLOT_CLIENT "client" /* the default slot */

/* Which (device, slot) is meant: the unit of rotation. */
struct cv_party {
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1];
	char slot[CV_SLOT_NAME_MAX + 1];
};

/* [A-Za-z0-9._:-]{1,64}, but not "." or "..", which no path can name */
bool cv_device_id_is_valid(const char *id, size_t len);
/* [A-Za-z0-9._-]{1,64}, likewise */
bool cv_factory_name_is_valid(const char *name, size_t len);
/* What people call a device: 1 to 64 of A-Za-z0-9 . _ : @ + - and, inside, blanks; likewise. */
bool cv_device_name_is_valid(const char *name, size_t len);
/* [A-Za-z0-9._-]{1,32} */
bool cv_policy_name_is_valid(const char *name, size_t len);
/* 8-4-4-4-12 hex digits (RFC 9562 section 4). */
bool cv_uuid_is_valid(const char *text);

/* False when one of the names is not valid; slot NULL means the default, else
 * [A-Za-z0-9._:/-]{1,32}. */
bool cv_party_set(
    struct cv_party *ret_party, const char *factory, const char *device, const char *slot);
/* One that was recorded, whatever the rules for new ones are now; false when a name is too long. */
bool cv_party_restore(
    struct cv_party *ret_party, const char *factory, const char *device, const char *slot);

#endif

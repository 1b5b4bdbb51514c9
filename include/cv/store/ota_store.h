/*
 * Devices, groups and users as FoundriesFactory clients are shown them: JSON made by the database.
 * Reads only; blocking; one connection, one thread.
 */
#ifndef CV_STORE_OTA_STORE_H
#define CV_STORE_OTA_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Filters are NULL where there are none. */
struct cv_ota_device_query {
	const char *factory;
	bool is_denied; /* the ids that are deleted or revoked, else all others */
	int64_t limit;
	int64_t offset;
	const char *name;
	const char *name_like; /* pattern of SQL's ILIKE */
	const char *uuid;
	const char *group;
	const bool *is_production;
	const char *owner;
	const char *tag;
	const char *target;
	const char *sorted_by; /* uuid, owner, last-seen, created-at, device-group; else the name */
	bool is_descending;
};

/* Appends the objects of the page, with commas between. */
bool cv_ota_store_devices(struct cv_connection *connection, const struct cv_ota_device_query *query,
    struct cv_buffer *ret_items, int64_t *ret_total, struct cv_error *err);
/* By id. */
bool cv_ota_store_device(struct cv_connection *connection, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err);
/* From its name, or its id, to its id. */
bool cv_ota_store_find_device(struct cv_connection *connection, const char *factory,
    const char *name, bool is_id, bool is_denied, bool *ret_exists,
    char ret_device[CV_DEVICE_ID_MAX + 1], struct cv_error *err);
/* name NULL: all of them. Appends objects with commas between; nothing: there is none. */
bool cv_ota_store_groups(struct cv_connection *connection, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err);
bool cv_ota_store_users(struct cv_connection *connection, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err);

#endif

/*
 * What FoundriesFactory clients read and change of devices, groups and users: store/ota_store.h
 * with a borrowed connection, and the changes of a device that are no matter of its keys. The
 * caller has checked who may, and in which factory. Blocking.
 */
#ifndef CV_SERVICE_OTA_H
#define CV_SERVICE_OTA_H

#include <stdbool.h>

#include "cv/service/service.h"
#include "cv/store/ota_store.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

bool cv_ota_list_devices(struct cv_service *service, const struct cv_ota_device_query *query,
    struct cv_buffer *ret_items, int64_t *ret_total, struct cv_error *err);
bool cv_ota_show_device(struct cv_service *service, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err);
bool cv_ota_find_device(struct cv_service *service, const char *factory, const char *name,
    bool is_id, bool is_denied, bool *ret_exists, char ret_device[CV_DEVICE_ID_MAX + 1],
    struct cv_error *err);
bool cv_ota_list_groups(struct cv_service *service, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err);
bool cv_ota_list_users(struct cv_service *service, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err);

/* NULL: as it was. */
struct cv_device_update {
	const char *factory;
	const char *device; /* id */
	const char *name;
	const char *owner;
	const char *group; /* "": none */
	const char *user;  /* who changes it */
	const char *actor; /* the same, for the audit */
	const char *request_id;
};
enum cv_device_update_outcome {
	CV_DEVICE_UPDATE_DONE,
	CV_DEVICE_UPDATE_NOT_FOUND, /* or it is deleted or revoked */
	CV_DEVICE_UPDATE_BAD_NAME,
	CV_DEVICE_UPDATE_NAME_TAKEN,
	CV_DEVICE_UPDATE_NO_GROUP,
};
bool cv_device_update(struct cv_service *service, const struct cv_device_update *update,
    enum cv_device_update_outcome *ret_outcome, struct cv_error *err);

#endif

/* Devices, denied devices and groups of devices below /ota. In workers only. */
#ifndef CV_HTTP_OTA_DEVICES_INTERNAL_H
#define CV_HTTP_OTA_DEVICES_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/util/bytes.h"

struct cv_operator_call;
struct cv_request;

void cv_ota_list(struct cv_request *request);
void cv_ota_show(struct cv_request *request);
/* Name, owner and group. */
void cv_ota_change(struct cv_request *request);
void cv_ota_delete(struct cv_request *request);

void cv_ota_list_denied(struct cv_request *request);
void cv_ota_allow(struct cv_request *request);

void cv_ota_list_device_groups(struct cv_request *request);
void cv_ota_show_device_group(struct cv_request *request);
void cv_ota_add_device_group(struct cv_request *request);
void cv_ota_describe_device_group(struct cv_request *request);
void cv_ota_delete_device_group(struct cv_request *request);

/*
 * The device that the path names: {D} of /ota/devices/{D}/..., a name, or with ?by-uuid=1 an id.
 * False: answered, with 404 when there is none.
 */
bool cv_ota_named_device(struct cv_request *request, const struct cv_operator_call *call,
    char ret_device[CV_DEVICE_ID_MAX + 1]);

/* Which part of a list is wanted: ?limit= and ?page=. */
struct cv_ota_page {
	int64_t limit;
	int64_t page;
};
/* False: answered with 400. */
bool cv_ota_read_page(struct cv_request *request, struct cv_ota_page *ret_page);
/* Appends ,"total":n,"next":url} where url is null at the end: absolute, since clients fetch it as
 * it is. */
void cv_ota_append_next(struct cv_request *request, const struct cv_ota_page *page, int64_t total);

#endif

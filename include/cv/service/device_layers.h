/*
 * Configuration of devices: what a device fetches and uploads, and what operators write. Blocking.
 * Files are JSON arrays, see store/layer_store.h.
 */
#ifndef CV_SERVICE_DEVICE_LAYERS_H
#define CV_SERVICE_DEVICE_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/announcement.h"
#include "cv/service/service.h"
#include "cv/service/sight.h"
#include "cv/store/layer_store.h"
#include "cv/util/error.h"

/* What the device is to get; see cv_layers_read. What is new counts as fetched by this certificate
 * when this returns. NULL: by nobody; a replaced key, too, fetches nothing for the device. */
bool cv_device_fetch_layers(struct cv_service *service, const struct cv_party *party,
    const int64_t *have_utc, const struct cv_digest *certificate,
    struct cv_served_layers *ret_layers, struct cv_error *err);
/* The device's own layer; nothing is appended when there is none. */
bool cv_device_fetch_own_layer(struct cv_service *service, const struct cv_party *party,
    struct cv_buffer *ret_files, struct cv_error *err);

struct cv_upload {
	const char *files;
	const char *reason;
	const char *summary;     /* JSON object for the audit */
	struct cv_bytes key_pem; /* that encrypted files are for; empty: not said */
	bool has_encrypted;      /* not every file can be read by any key */
	const char *request_id;
};
enum cv_upload_outcome {
	CV_UPLOAD_DONE,
	CV_UPLOAD_LOCKED,  /* another key is announced, and this is for none that is: 409 */
	CV_UPLOAD_BAD_KEY, /* naming this key is refused, see ret_naming */
	CV_UPLOAD_REFUSED, /* the presented certificate: see ret_verdict */
	CV_UPLOAD_BUSY,    /* the device changes itself too often: 429 */
};
/*
 * Merged into the device's layer when the named key is the current one, or none was named; kept for
 * the key where it is announced. Another key is announced by this where none is. Files that every
 * key can read are always taken. CV_E_LIMIT: the layer became too large.
 */
bool cv_device_upload(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, const struct cv_upload *upload,
    enum cv_upload_outcome *ret_outcome, enum cv_announcement_outcome *ret_naming,
    enum cv_verdict *ret_verdict, struct cv_error *err);

/* What an operator writes into the layer of one device. */
struct cv_layer_order {
	const char *factory;
	const char *device;
	struct cv_layer_write write;
	const char *summary; /* JSON object for the audit */
	const char *actor;
	const char *request_id;
	bool is_forced; /* in spite of the lock, see below */
};
enum cv_layer_outcome {
	CV_LAYER_DONE,
	CV_LAYER_NOT_FOUND, /* no such device or group */
	CV_LAYER_LOCKED,    /* the device has announced a key, and may be using it already */
};
/*
 * The lock runs from the first announcement of a rotation, for the time that the settings say, and
 * then leaves the announced keys as they are.
 */
bool cv_write_device_layer(struct cv_service *service, const struct cv_layer_order *order,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err);
bool cv_write_shared_layer(struct cv_service *service, const struct cv_shared_layer_order *order,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err);
/* See cv_layers_list. ret_exists false: no such device or group. */
bool cv_list_layers(struct cv_service *service, const char *factory, const char *device,
    const char *group, bool *ret_exists, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err);

#endif

/* Lists and details for operators. Reads only; blocking; one connection, one thread. */
#ifndef CV_STORE_INSPECTION_STORE_H
#define CV_STORE_INSPECTION_STORE_H

#include <stdbool.h>

#include "cv/model/digest.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/*
 * Each appends one JSON document made by the database. Lists: {"items":[...],"next":"..."|null}, at
 * most limit items after the item named by `after` ("": from the start), in byte order of the name.
 */
bool cv_inspection_devices(struct cv_connection *connection, const char *factory, const char *after,
    int limit, struct cv_buffer *ret_json, struct cv_error *err);
bool cv_inspection_device(struct cv_connection *connection, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err);
/* device "": of all devices. */
bool cv_inspection_certificates(struct cv_connection *connection, const char *factory,
    const char *device, const char *after, int limit, struct cv_buffer *ret_json,
    struct cv_error *err);
bool cv_inspection_certificate(struct cv_connection *connection, const char *factory,
    const struct cv_digest *fingerprint, bool *ret_exists, struct cv_buffer *ret_json,
    struct cv_error *err);
bool cv_inspection_authorities(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err);
/* {"devices":{state: number},"rotations":{"pending","stalled"},"stalled":[...]}, the latter the ten
 * that wait longest. */
bool cv_inspection_fleet(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err);
/* SPKIs of current and newest announced key, device paths:
 * {"uuid","factory","pubkey","next_pubkey",...} needs them. */
bool cv_inspection_keys(struct cv_connection *connection, const char *factory, const char *device,
    const char *slot, bool *ret_exists, struct cv_buffer *ret_current_spki,
    struct cv_buffer *ret_next_spki, int64_t *ret_last_seen_utc, struct cv_error *err);

#endif

/*
 * What operators and devices may read, as JSON made by the database: store/inspection_store.h with
 * a borrowed connection. No rule is applied here; the caller has checked who sees which factory.
 * Blocking.
 */
#ifndef CV_SERVICE_INSPECTION_H
#define CV_SERVICE_INSPECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Lists: {"items":[...],"next":"..."|null}; after "": from the start; device "": of all devices. */
bool cv_inspect_devices(struct cv_service *service, const char *factory, const char *after,
    int limit, struct cv_buffer *ret_json, struct cv_error *err);
bool cv_inspect_certificates(struct cv_service *service, const char *factory, const char *device,
    const char *after, int limit, struct cv_buffer *ret_json, struct cv_error *err);
bool cv_inspect_authorities(struct cv_service *service, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err);
/* Devices by state, rotations, and those that are stalled: {"devices","rotations","stalled"}. */
bool cv_inspect_fleet(struct cv_service *service, const char *factory, struct cv_buffer *ret_json,
    struct cv_error *err);
/* One object; ret_exists false: nothing was appended. */
bool cv_inspect_device(struct cv_service *service, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err);
bool cv_inspect_certificate(struct cv_service *service, const char *factory,
    const struct cv_digest *fingerprint, bool *ret_exists, struct cv_buffer *ret_json,
    struct cv_error *err);

/* Current and newest announced key of (device, slot) as SubjectPublicKeyInfo; empty: none. */
bool cv_inspect_keys(struct cv_service *service, const struct cv_party *party, bool *ret_exists,
    struct cv_buffer *ret_current_spki, struct cv_buffer *ret_next_spki, int64_t *ret_last_seen_utc,
    struct cv_error *err);

#endif

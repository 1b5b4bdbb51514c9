/*
 * What operators and devices may read, as JSON made by the database: store/inspection_store.h with
 * a borrowed connection. No rule is applied here; the caller has checked who sees which factory.
 * Blocking.
 */
#ifndef CV_SERVICE_INSPECTION_H
#define CV_SERVICE_INSPECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/service/service.h"
#include "cv/store/inspection_store.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

bool cv_inspect_list(struct cv_service *service, const struct cv_view_query *query,
    struct cv_buffer *ret_items, char ret_next[CV_VIEW_KEY_SIZE], struct cv_error *err);
/* ret_exists false: nothing was appended. */
bool cv_inspect_show(struct cv_service *service, const struct cv_view_query *query,
    bool *ret_exists, struct cv_buffer *ret_json, char ret_tag[CV_ENTITY_TAG_SIZE],
    struct cv_error *err);

/* Devices by state, rotations, and those that are stalled: {"devices","rotations","stalled"}. */
bool cv_inspect_fleet(struct cv_service *service, const char *factory, struct cv_buffer *ret_json,
    struct cv_error *err);

/* What a device is told of itself. ret_facts is to be deinitialised either way. */
bool cv_inspect_device(struct cv_service *service, const struct cv_party *party, bool *ret_exists,
    struct cv_device_facts *ret_facts, struct cv_error *err);

#endif

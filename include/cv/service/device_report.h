/* What devices tell about themselves. It is kept for operators and decides nothing. */
#ifndef CV_SERVICE_DEVICE_REPORT_H
#define CV_SERVICE_DEVICE_REPORT_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "cv/service/service.h"
#include "cv/store/device_event_store.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* These with a borrowed connection: see store/device_event_store.h. Blocking. */
bool cv_device_take_event_list(struct cv_service *service, const struct cv_party *party,
    const char *events, struct cv_error *err);
bool cv_device_list_updates(struct cv_service *service, const char *factory, const char *device,
    int64_t limit, int64_t offset, struct cv_buffer *ret_items, int64_t *ret_total,
    struct cv_error *err);
bool cv_device_show_update(struct cv_service *service, const char *factory, const char *device,
    const char *correlation_id, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err);

/*
 * Keeps a report until cv_service_write_reports; NULL: not said, "": it has none. Texts that are
 * too long or not printable are as if not said. Never blocks; what finds no room is dropped, the
 * device says it again with its next request.
 */
void cv_device_keep_report(struct cv_service *service, const struct cv_party *party,
    const char *const texts[CV_REPORT_PARTS]);
/* Writes what was kept. What cannot be written is dropped and logged. Blocking. */
void cv_service_write_reports(struct cv_service *service, struct cv_connection *connection);

#endif

/* What devices tell about themselves: events and reports. It proves nothing and decides nothing.
 * Blocking; one connection, one thread. */
#ifndef CV_STORE_DEVICE_EVENT_STORE_H
#define CV_STORE_DEVICE_EVENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* events: array as codec/device_json.h has it. A repeated id is the same event; the newest 1000 of
 * a device are kept. */
bool cv_device_events_write(struct cv_connection *connection, const struct cv_party *party,
    const char *events, struct cv_error *err);
/* One JSON object for each correlation id, with commas between, the newest first: at most limit
 * after the first offset ones. ret_total: how many there are in all. */
bool cv_device_events_list(struct cv_connection *connection, const char *factory,
    const char *device, int64_t limit, int64_t offset, struct cv_buffer *ret_items,
    int64_t *ret_total, struct cv_error *err);
/* The events of one correlation id as JSON objects with commas between, the oldest first. */
bool cv_device_events_show(struct cv_connection *connection, const char *factory,
    const char *device, const char *correlation_id, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err);

enum cv_report_part {
	CV_REPORT_TARGET,
	CV_REPORT_OSTREE_HASH,
	CV_REPORT_TAGS,
	CV_REPORT_DOCKER_APPS,
	CV_REPORT_PARTS,
};
#define CV_REPORT_TEXT_MAX 1023
struct cv_device_report {
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1];
	bool has[CV_REPORT_PARTS]; /* what it did not say stays as it was */
	char texts[CV_REPORT_PARTS][CV_REPORT_TEXT_MAX + 1];
};
/* At most one report of each device. */
bool cv_device_reports_write(struct cv_connection *connection,
    const struct cv_device_report *reports, size_t count, struct cv_error *err);

#endif

/* Reports of devices that wait to be written: a bounded table. Any thread. */
#ifndef CV_SERVICE_REPORT_TABLE_INTERNAL_H
#define CV_SERVICE_REPORT_TABLE_INTERNAL_H

#include "cv/store/device_event_store.h"
#include "cv/util/auto.h"

struct cv_report_table;

/* NULL: out of memory. */
struct cv_report_table *cv_report_table_new(void);
void cv_report_table_free(struct cv_report_table *table);
CV_DEFINE_CLEANUP(cv_report_table);

struct cv_report_table *cv_service_reports(struct cv_service *service);

#endif

#include "cv/service/device_report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/log.h"
#include "cv/util/text.h"

#include "report_table_internal.h"
#include "service_internal.h"

#define REPORTS_MAX 256

struct cv_report_table {
	pthread_mutex_t mutex;
	size_t count;
	struct cv_device_report reports[REPORTS_MAX];
};

struct cv_report_table *
cv_report_table_new(void)
{
	struct cv_report_table *table = calloc(1, sizeof(*table));

	if (table)
		pthread_mutex_init(&table->mutex, NULL);
	return table;
}

void
cv_report_table_free(struct cv_report_table *table)
{
	if (!table)
		return;
	pthread_mutex_destroy(&table->mutex);
	free(table);
}

/* ---- events ---- */

bool
cv_device_take_event_list(struct cv_service *service, const struct cv_party *party,
    const char *events, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_device_events_write(connection, party, events, err);
}

bool
cv_device_list_updates(struct cv_service *service, const char *factory, const char *device,
    int64_t limit, int64_t offset, struct cv_buffer *ret_items, int64_t *ret_total,
    struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_device_events_list(
		   connection, factory, device, limit, offset, ret_items, ret_total, err);
}

bool
cv_device_show_update(struct cv_service *service, const char *factory, const char *device,
    const char *correlation_id, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_device_events_show(
		   connection, factory, device, correlation_id, ret_items, ret_count, err);
}

/* ---- reports ---- */

static bool
is_printable(const char *text)
{
	size_t len = 0;

	for (; text[len] != '\0'; len++) {
		if (text[len] < 0x20 || text[len] > 0x7e || len == CV_REPORT_TEXT_MAX)
			return false;
	}
	return true;
}

/* The row of the device, or a new one. NULL: the table is full. */
static struct cv_device_report *
place_of(struct cv_report_table *table, const struct cv_party *party)
{
	struct cv_device_report *report;

	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->reports[i].device, party->device) == 0 &&
		    strcmp(table->reports[i].factory, party->factory) == 0)
			return &table->reports[i];
	}
	if (table->count == REPORTS_MAX)
		return NULL;
	report = &table->reports[table->count++];
	memset(report, 0, sizeof(*report));
	cv_text_copy(report->factory, sizeof(report->factory), party->factory);
	cv_text_copy(report->device, sizeof(report->device), party->device);
	return report;
}

void
cv_device_keep_report(struct cv_service *service, const struct cv_party *party,
    const char *const texts[CV_REPORT_PARTS])
{
	struct cv_report_table *table = cv_service_reports(service);
	struct cv_device_report *report;

	pthread_mutex_lock(&table->mutex);
	report = place_of(table, party);
	for (size_t i = 0; report && i < CV_REPORT_PARTS; i++) {
		if (!texts[i] || !is_printable(texts[i]))
			continue;
		report->has[i] = true;
		cv_text_copy(report->texts[i], sizeof(report->texts[i]), texts[i]);
	}
	pthread_mutex_unlock(&table->mutex);
}

static struct cv_device_report *
take_all(struct cv_report_table *table, size_t *ret_count)
{
	struct cv_device_report *reports = NULL;

	pthread_mutex_lock(&table->mutex);
	*ret_count = table->count;
	if (table->count && (reports = malloc(table->count * sizeof(*reports)))) {
		memcpy(reports, table->reports, table->count * sizeof(*reports));
		table->count = 0;
	}
	pthread_mutex_unlock(&table->mutex);
	return reports;
}

void
cv_service_write_reports(struct cv_service *service, struct cv_connection *connection)
{
	size_t count;
	CV_AUTO_MEMORY struct cv_device_report *reports =
	    take_all(cv_service_reports(service), &count);
	struct cv_error err = CV_ERROR_INIT;

	if (reports && !cv_device_reports_write(connection, reports, count, &err))
		cv_log_error(CV_LOG_WARNING, "reports-dropped",
		    "what devices said about themselves was not written", &err);
}

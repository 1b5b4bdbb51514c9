/* The numbers of /metrics, in the text format 0.0.4 of Prometheus. Any thread. */
#ifndef CV_HTTP_METRICS_INTERNAL_H
#define CV_HTTP_METRICS_INTERNAL_H

#include <stdint.h>

#include "cv/util/bytes.h"
#include "cv/util/histogram.h"

struct cv_http;

void cv_metrics_append(struct cv_buffer *buffer, struct cv_http *http);

/* process_*: read from the system. */
void cv_metrics_append_process(struct cv_buffer *buffer, const struct cv_http *http);

/* What the rules decided, and what came of it. */
void cv_metrics_append_rules(struct cv_buffer *buffer, struct cv_http *http);

/* HELP and TYPE lines. kind: counter, gauge, histogram. */
void cv_metrics_append_head(
    struct cv_buffer *buffer, const char *name, const char *kind, const char *help);
/* Whole families of one series. */
void cv_metrics_append_gauge(
    struct cv_buffer *buffer, const char *name, const char *help, int64_t value);
void cv_metrics_append_counter(
    struct cv_buffer *buffer, const char *name, const char *help, uint64_t value);
/* One series of a family, told apart by one label. */
void cv_metrics_append_series(struct cv_buffer *buffer, const char *name, const char *label,
    const char *value, uint64_t number);
/* The series of a histogram without their head. label: "" or one that all of them have, such as
 * "listener=\"device\"". */
void cv_metrics_append_histogram(struct cv_buffer *buffer, const char *name, const char *label,
    const struct cv_histogram *histogram);

#endif

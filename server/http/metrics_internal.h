/* The numbers of /metrics, in the text format 0.0.4 of Prometheus. Any thread. */
#ifndef CV_HTTP_METRICS_INTERNAL_H
#define CV_HTTP_METRICS_INTERNAL_H

#include "cv/util/bytes.h"

struct cv_http;

void cv_metrics_append(struct cv_buffer *buffer, struct cv_http *http);

/* process_*: read from the system. */
void cv_metrics_append_process(struct cv_buffer *buffer, const struct cv_http *http);

/* HELP and TYPE lines. kind: counter, gauge, histogram. */
void cv_metrics_append_head(
    struct cv_buffer *buffer, const char *name, const char *kind, const char *help);

#endif

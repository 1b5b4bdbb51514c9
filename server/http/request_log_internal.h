/* The one log line of a request, and its place in the counters. Any thread. */
#ifndef CV_HTTP_REQUEST_LOG_INTERNAL_H
#define CV_HTTP_REQUEST_LOG_INTERNAL_H

#include <pthread.h>
#include <stdint.h>

struct cv_request;

/* Refused checks can come as a flood: so many lines a second, then only their number. */
struct cv_refusal_log {
	pthread_mutex_t mutex;
	int64_t second;
	unsigned written;
	unsigned left_out;
};

/* now_us: when the request was complete. */
void cv_request_log(struct cv_request *request, int64_t now_us);

#endif

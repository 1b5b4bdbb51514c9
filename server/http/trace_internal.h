/* The caller's trace (W3C Trace Context, section 3.2): a request is one span of it. Any thread. */
#ifndef CV_HTTP_TRACE_INTERNAL_H
#define CV_HTTP_TRACE_INTERNAL_H

#define CV_TRACE_ID_SIZE 33
#define CV_SPAN_ID_SIZE 17

struct cv_trace {
	char trace_id[CV_TRACE_ID_SIZE]; /* "": no trace */
	char span_id[CV_SPAN_ID_SIZE];   /* of this request, made by us */
};

/* Begins a span of the trace that a traceparent names, or of a new one if it is none. */
void cv_trace_begin(const char *traceparent, struct cv_trace *ret_trace);

#endif

/* Dates of HTTP (RFC 9110 section 5.6.7), and as fioconfig writes them: with UTC for GMT. Pure. */
#ifndef CV_HTTP_HTTP_DATE_INTERNAL_H
#define CV_HTTP_HTTP_DATE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#define CV_HTTP_DATE_SIZE 40

/* "Mon, 02 Jan 2006 15:04:05 GMT" or UTC, in seconds since 1970. */
bool cv_http_date_parse(const char *text, int64_t *ret_seconds);
/* "": beyond the year 9999. */
void cv_http_date_format(int64_t seconds, char ret_text[CV_HTTP_DATE_SIZE]);

#endif

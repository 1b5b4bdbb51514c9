#include "http_date_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Number of the three letters in the list, -1: not in it. */
static int
find_name(const char *list, const char *name)
{
	for (int i = 0; list[3 * i] != '\0'; i++) {
		if (memcmp(list + 3 * (size_t)i, name, 3) == 0)
			return i;
	}
	return -1;
}

/* The number at two or four digits; -1: they are none. */
static int
read_number(const char *digits, size_t count)
{
	int number = 0;

	for (size_t i = 0; i < count; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		number = number * 10 + (digits[i] - '0');
	}
	return number;
}

bool
cv_http_date_parse(const char *text, int64_t *ret_seconds)
{
	static const char form[] = "ddd, 00 mmm 0000 00:00:00 ";
	struct tm time = {.tm_isdst = 0};
	int year;

	if (strlen(text) != sizeof(form) - 1 + 3 ||
	    (strcmp(text + sizeof(form) - 1, "GMT") != 0 &&
		strcmp(text + sizeof(form) - 1, "UTC") != 0))
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (strchr(" ,:", form[i]) != NULL && text[i] != form[i])
			return false;
	}
	time.tm_mday = read_number(text + 5, 2);
	time.tm_mon = find_name(months, text + 8);
	year = read_number(text + 12, 4);
	time.tm_hour = read_number(text + 17, 2);
	time.tm_min = read_number(text + 20, 2);
	time.tm_sec = read_number(text + 23, 2);
	if (find_name(days, text) < 0 || time.tm_mon < 0 || year < 1970 || time.tm_mday < 1 ||
	    time.tm_mday > 31 || time.tm_hour < 0 || time.tm_hour > 23 || time.tm_min < 0 ||
	    time.tm_min > 59 || time.tm_sec < 0 || time.tm_sec > 60)
		return false;
	time.tm_year = year - 1900;
	*ret_seconds = (int64_t)timegm(&time);
	return true;
}

void
cv_http_date_format(int64_t seconds, char ret_text[CV_HTTP_DATE_SIZE])
{
	time_t at = (time_t)seconds;
	struct tm time;

	if (gmtime_r(&at, &time) == NULL || time.tm_year + 1900 > 9999) {
		ret_text[0] = '\0';
		return;
	}
	(void)snprintf(ret_text, CV_HTTP_DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
	    days + 3 * (size_t)time.tm_wday, time.tm_mday, months + 3 * (size_t)time.tm_mon,
	    time.tm_year + 1900, time.tm_hour, time.tm_min, time.tm_sec);
}

#include "cv/model/label.h"

#include <string.h>

int64_t
cv_label_operation(const char *name)
{
	static const struct {
		const char *name;
		int64_t bit;
	} rows[] = {
	    {"cacerts", CV_EST_CACERTS},
	    {"csrattrs", CV_EST_CSRATTRS},
	    {"simpleenroll", CV_EST_SIMPLEENROLL},
	    {"simplereenroll", CV_EST_SIMPLEREENROLL},
	    {"serverkeygen", CV_EST_SERVERKEYGEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].bit;
	}
	return 0;
}

bool
cv_label_is_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-._~";
	size_t len = strlen(text);

	return len >= 1 && len <= CV_LABEL_NAME_MAX && strspn(text, allowed) == len &&
	       cv_label_operation(text) == 0 && strcmp(text, "fullcmc") != 0;
}

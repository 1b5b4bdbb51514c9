/* The names at which the devices of a factory reach its servers: one place for whoever needs them.
 * Any thread. */
#ifndef CV_SERVICE_FACTORY_HOSTS_H
#define CV_SERVICE_FACTORY_HOSTS_H

#include <stdbool.h>

#include "cv/service/service.h"

#define CV_DNS_NAME_SIZE 254

struct cv_factory_hosts {
	char gateway[CV_DNS_NAME_SIZE];
	char ostree[CV_DNS_NAME_SIZE];
	char est[CV_DNS_NAME_SIZE];
	/* Those that have the name of the factory in them, comma separated: no other factory's. */
	char own[3 * CV_DNS_NAME_SIZE];
};

/* Is it a host name wherever "{factory}" is replaced by a short name? */
bool cv_factory_host_is_good(const char *pattern);
/* False: one of them is no host name with this factory in it. */
bool cv_factory_hosts_make(const struct cv_service_settings *settings, const char *factory,
    struct cv_factory_hosts *ret_hosts);

#endif

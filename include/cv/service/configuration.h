/*
 * What operators configure, with a borrowed connection and the realm loaded anew afterwards:
 * store/configuration_store.h. The caller has checked who may, and in which factory. Blocking.
 */
#ifndef CV_SERVICE_CONFIGURATION_H
#define CV_SERVICE_CONFIGURATION_H

#include <stdbool.h>

#include "cv/service/service.h"
#include "cv/store/configuration_store.h"
#include "cv/util/error.h"

bool cv_configure(struct cv_service *service, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err);

#endif

/* A row of certvendor.authority as authority_insert takes it. */
#ifndef CV_STORE_AUTHORITY_PARAMETERS_INTERNAL_H
#define CV_STORE_AUTHORITY_PARAMETERS_INTERNAL_H

#include "cv/store/realm_store.h"
#include "database_internal.h"

void cv_authority_parameters(struct cv_parameters *parameters, const struct cv_authority_row *row);

#endif

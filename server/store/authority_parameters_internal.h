/* Rows of certvendor.authority and certvendor.factory_key, between database and sinks. */
#ifndef CV_STORE_AUTHORITY_PARAMETERS_INTERNAL_H
#define CV_STORE_AUTHORITY_PARAMETERS_INTERNAL_H

#include "cv/store/realm_store.h"
#include "database_internal.h"

/* As authority_insert takes it. */
void cv_authority_parameters(struct cv_parameters *parameters, const struct cv_authority_row *row);

/* As realm_authorities and realm_keys give them. */
bool cv_authority_give(struct cv_row row, const struct cv_realm_sink *sink);
bool cv_factory_key_give(struct cv_row row, const struct cv_realm_sink *sink);

#endif

/* Reading an enrolment token's row, shared by its store and the change that locks it. */
#ifndef CV_STORE_ENROLMENT_TOKEN_INTERNAL_H
#define CV_STORE_ENROLMENT_TOKEN_INTERNAL_H

#include "cv/store/realm_store.h"

#include "database_internal.h"

/* Columns as in enrolment_token_find.sql. */
void cv_enrolment_token_from_row(struct cv_row row, struct cv_enrolment_token_row *ret_token);

#endif

/* Rows for outbox_write.sql; for the files of this room. */
#ifndef CV_STORE_OUTBOX_INTERNAL_H
#define CV_STORE_OUTBOX_INTERNAL_H

#include "cv/store/outbox_store.h"
#include "database_internal.h"

void cv_outbox_add_row(
    struct cv_rows *rows, const struct cv_party *party, const struct cv_event_note *note);

#endif

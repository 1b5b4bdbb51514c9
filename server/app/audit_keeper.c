#include "audit_keeper_internal.h"

#include "cv/util/log.h"

#define NOTE_EVERY_MS 60000

/* A minute's worth of rows in one line; what is chained later than that waits for the next. */
static void
note_head(struct cv_audit_keeper *keeper, int64_t now_ms)
{
	char hash[CV_DIGEST_HEX_SIZE];

	if (keeper->is_noted || now_ms - keeper->noted_ms < NOTE_EVERY_MS)
		return;
	keeper->is_noted = true;
	keeper->noted_ms = now_ms;
	cv_digest_format(&keeper->head.hash, hash);
	cv_log(CV_LOG_INFO, "audit-chained", "audit rows were chained up to here",
	    CV_LOG_NUMBER("position", keeper->head.position), CV_LOG_TEXT("hash", hash));
}

void
cv_audit_keep(struct cv_audit_keeper *keeper, struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;
	size_t chained = 0;

	bool has_failed = !cv_audit_chain(connection, &chained, &keeper->head, &err);
	if (has_failed && !keeper->has_failed)
		cv_log_error(CV_LOG_WARNING, "audit-chain-failed",
		    "new audit rows are not chained for now", &err);
	keeper->has_failed = has_failed;
	if (chained > 0)
		keeper->is_noted = false;
	if (keeper->head.position > 0)
		note_head(keeper, cv_clock_boot_ms(cv_clock_system()));
}

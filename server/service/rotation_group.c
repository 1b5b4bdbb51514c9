#include "cv/service/rotation_group.h"

#include "cv/store/device_change.h"
#include "cv/store/rotation_store.h"
#include "cv/util/log.h"

#include "layers_internal.h"
#include "service_internal.h"

#define CATCH_UP_MS 10000
#define HOUR_MS 3600000
#define AT_ONCE 10
#define RETRY_SECONDS 300
#define NEVER (-1)

bool
cv_rotation_take_turn(int64_t per_hour, int64_t next_ms, int64_t now_ms, int64_t *ret_next_ms)
{
	int64_t from = next_ms < now_ms - CATCH_UP_MS ? now_ms - CATCH_UP_MS : next_ms;

	if (next_ms > now_ms)
		return false;
	*ret_next_ms = from + (HOUR_MS + per_hour - 1) / per_hour;
	return true;
}

/* ---- one device ---- */

enum judgement { TELL, HELD, LOCKED, DELETED, REVOKED, TOO_LARGE, REFUSED, NOT_NOW };

static enum judgement
judge(struct cv_service *service, const struct cv_device_record *record)
{
	switch (record->device_state) {
	case CV_DEVICE_OK:
		return cv_layers_are_locked(service, record) ? LOCKED : TELL;
	case CV_DEVICE_HELD:
		return HELD;
	case CV_DEVICE_DELETED:
		return DELETED;
	case CV_DEVICE_REVOKED:
		return REVOKED;
	}
	return NOT_NOW;
}

static bool
write_told(struct cv_device_change *change, const struct cv_rotation_candidate *candidate,
    int64_t next_ms, struct cv_error *err)
{
	const struct cv_layer_write write = {
	    .how = CV_LAYER_MERGE,
	    .files = candidate->files,
	    .reason = candidate->reason,
	    .created_by = candidate->operator_name,
	};
	const struct cv_change_note note = {
	    .kind = "configuration-changed",
	    .actor = candidate->actor,
	    .reason = candidate->reason[0] ? candidate->reason : NULL,
	    .after_json = candidate->summary,
	};

	cv_device_change_write_layer(change, &write);
	cv_device_change_take_turn(change, candidate->group, candidate->rotation_id, next_ms);
	return cv_device_change_commit(change, &note, NULL, err);
}

/* Nothing is changed but with TELL, which is done then. */
static bool
try_to_tell(struct cv_service *service, struct cv_connection *connection,
    const struct cv_rotation_candidate *candidate, const struct cv_party *party,
    enum judgement *ret_judgement, struct cv_error *err)
{
	const struct cv_record_query query = {.party = party};
	const struct cv_change_options options = {.rotation_group = candidate->group};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	int64_t next_ms = 0;

	*ret_judgement = NOT_NOW;
	if (!cv_device_change_begin(connection, &query, &options, &change, err))
		return false;
	struct cv_rotation_turn turn = cv_device_change_turn(change);
	if (!turn.is_given ||
	    !cv_rotation_take_turn(candidate->per_hour, turn.next_ms, turn.now_ms, &next_ms))
		return true;
	*ret_judgement = judge(service, cv_device_change_record(change));
	if (*ret_judgement != TELL || write_told(change, candidate, next_ms, err))
		return true;
	/* One device must not keep the others waiting. */
	*ret_judgement = err->code == CV_E_LIMIT ? TOO_LARGE : REFUSED;
	return err->code == CV_E_LIMIT || err->code == CV_E_CONSTRAINT;
}

static bool
settle(struct cv_service *service, struct cv_connection *connection,
    const struct cv_rotation_candidate *candidate, const struct cv_party *party,
    enum judgement judgement, struct cv_error *err)
{
	switch (judgement) {
	case TELL:
		cv_log(CV_LOG_INFO, "rotation-told", "device told to change its key",
		    CV_LOG_TEXT("factory", candidate->factory),
		    CV_LOG_TEXT("device", candidate->device),
		    CV_LOG_TEXT("rotation_group", candidate->group));
		return cv_service_take_change(service, connection, party, err);
	case HELD:
		return cv_rotation_set_aside(connection, candidate, "held", RETRY_SECONDS, err);
	case LOCKED:
		return cv_rotation_set_aside(connection, candidate, "locked", RETRY_SECONDS, err);
	case DELETED:
		return cv_rotation_set_aside(connection, candidate, "deleted", NEVER, err);
	case REVOKED:
		return cv_rotation_set_aside(connection, candidate, "revoked", NEVER, err);
	case TOO_LARGE:
		return cv_rotation_set_aside(connection, candidate, "too-large", NEVER, err);
	case REFUSED:
		return cv_rotation_set_aside(connection, candidate, "refused", RETRY_SECONDS, err);
	case NOT_NOW:
		return true;
	}
	return true;
}

struct teller {
	struct cv_service *service;
	struct cv_connection *connection;
};

static bool
tell(void *context, const struct cv_rotation_candidate *candidate, struct cv_error *err)
{
	struct teller *teller = context;
	enum judgement judgement;
	struct cv_party party;

	if (!cv_party_set(&party, candidate->factory, candidate->device, NULL))
		return true;
	if (!try_to_tell(teller->service, teller->connection, candidate, &party, &judgement, err))
		return err->code == CV_E_CONFLICT; /* the next look finds it again */
	return settle(teller->service, teller->connection, candidate, &party, judgement, err);
}

static void
log_done(const char *factory, const char *group)
{
	cv_log(CV_LOG_INFO, "rotation-group-done", "every device rotated or was skipped",
	    CV_LOG_TEXT("factory", factory), CV_LOG_TEXT("rotation_group", group));
}

bool
cv_rotation_tell_due(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err)
{
	struct teller teller = {.service = service, .connection = connection};

	return cv_rotation_due(connection, AT_ONCE, tell, &teller, err) &&
	       cv_rotation_finish(connection, log_done, err);
}

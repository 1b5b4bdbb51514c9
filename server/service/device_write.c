#include "device_write_internal.h"

#include "cv/service/announcement.h"

#include "device_pace_internal.h"

void
cv_device_write_deinit(struct cv_device_write *write)
{
	cv_presenter_deinit(&write->presenter);
	cv_pool_return(write->connection);
}

static bool
settle_refused(struct cv_device_write *write, enum cv_verdict verdict)
{
	write->is_refused = true;
	write->verdict = verdict;
	return true;
}

/* Whoever asks must hold the current key; a replaced key in its grace may only talk. */
static bool
is_from_current_key(struct cv_device_write *write, const struct cv_device_record *record)
{
	struct cv_decision decision =
	    cv_decide(&write->presenter.presented, record, &write->presenter.policy);

	if (decision.verdict == CV_VERDICT_TALKS)
		return !settle_refused(write, CV_VERDICT_DENIED);
	if (!cv_verdict_is_allowed(decision.verdict))
		return !settle_refused(write, decision.verdict);
	write->must_repeat = decision.step != CV_STEP_NONE;
	return !write->must_repeat;
}

/* Once a request, however often it has to begin anew. */
static bool
has_leave(struct cv_device_write *write)
{
	const struct cv_party *party = &write->presenter.party;
	const struct cv_pace_limit limit = cv_pace_limit_of(
	    cv_service_settings(write->service), CV_DEVICE_WRITES_AT_ONCE, CV_DEVICE_WRITES_LATER);
	int64_t now_ms = cv_clock_boot_ms(cv_service_clock(write->service));

	if (!write->has_leave)
		write->has_leave = cv_device_pace_take(cv_service_change_pace(write->service),
				       &limit, party->factory, party->device, now_ms) == 0;
	write->is_too_often = !write->has_leave;
	if (write->is_too_often)
		cv_service_counters(write->service)->changes_refused++;
	return write->has_leave;
}

static bool
attempt(struct cv_device_write *write, struct cv_error *err)
{
	struct cv_record_query query =
	    cv_presenter_query(write->service, &write->presenter, write->named_key, NULL);
	struct cv_change_options options = {.proved_keys = {NULL}};
	struct cv_change_note note = {
	    .actor = write->evidence->actor, .request_id = write->request_id};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	write->must_repeat = false;
	if (!cv_device_change_begin(write->connection, &query, &options, &change, err))
		return false;
	if (!is_from_current_key(write, cv_device_change_record(change)) ||
	    !write->edit(write, change, &note) || !has_leave(write))
		return true;
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	write->has_written = true;
	return cv_service_take_change(
	    write->service, write->connection, &write->presenter.party, err);
}

static bool
judge_again(struct cv_device_write *write, struct cv_error *err)
{
	struct cv_sight sight;
	struct cv_error judge_error = CV_ERROR_INIT;

	cv_sight_judge(write->service, write->evidence, &sight, &judge_error);
	if (sight.verdict == CV_VERDICT_UNAVAILABLE) {
		*err = judge_error;
		return false;
	}
	return true;
}

static bool
attempt_until_settled(struct cv_device_write *write, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (attempt(write, err)) {
			if (!write->must_repeat)
				return true;
			if (!judge_again(write, err))
				return false;
		} else if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT) {
			return false;
		}
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

/* Nothing was to be written: somebody did that before, and its answer may have been lost. */
static bool
take_in(struct cv_device_write *write, struct cv_error *err)
{
	if (write->has_written || write->is_refused || write->is_too_often)
		return true;
	return cv_service_take_change(
	    write->service, write->connection, &write->presenter.party, err);
}

bool
cv_device_write(struct cv_device_write *write, struct cv_error *err)
{
	enum cv_verdict verdict;
	const char *detail;
	bool is_refused;

	if (!cv_pool_borrow(cv_service_pool(write->service), &write->connection, err))
		return false;
	if (!cv_presenter_identify(write->service, &write->connection, write->evidence,
		&write->presenter, &is_refused, &verdict, &detail, err))
		return false;
	if (is_refused)
		return settle_refused(write, verdict);
	return attempt_until_settled(write, err) && take_in(write, err);
}

#include <assert.h>

#include "device_change_internal.h"

/* Whatever builds on an asked key finds it. */
static void
edit(struct cv_device_change *change, struct cv_sql sql, const struct cv_parameters *parameters)
{
	struct cv_change_set *set = change->set;

	if (change->has_asked)
		cv_device_change_send_asked(change);
	if (!set->has_failed && !cv_batch_send(set->connection, sql, parameters, &set->error))
		set->has_failed = true;
}

void
cv_device_change_edit(
    struct cv_device_change *change, struct cv_sql sql, const struct cv_parameters *parameters)
{
	edit(change, sql, parameters);
}

static void
add_party(struct cv_parameters *parameters, const struct cv_party *party)
{
	cv_parameter_text(parameters, party->factory);
	cv_parameter_text(parameters, party->device);
	cv_parameter_text(parameters, party->slot);
}

static void
edit_slot(struct cv_device_change *change, struct cv_sql sql)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	edit(change, sql, &parameters);
}

static void
edit_device(struct cv_device_change *change, struct cv_sql sql)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	edit(change, sql, &parameters);
}

static void
edit_key(struct cv_device_change *change, struct cv_sql sql, const struct cv_digest *key)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, key);
	edit(change, sql, &parameters);
}

static void
edit_key_with_spki(struct cv_device_change *change, struct cv_sql sql, const struct cv_digest *key,
    struct cv_bytes spki)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, key);
	cv_parameter_bytes(&parameters, spki);
	edit(change, sql, &parameters);
}

/* No change tells of more than its own few kinds of things. */
static struct cv_told_event *
tell(struct cv_device_change *change, enum cv_event_kind kind)
{
	struct cv_told_event *event;

	assert(change->event_count < CV_TOLD_EVENTS_MAX);
	event = &change->events[change->event_count++];
	*event = (struct cv_told_event){.kind = kind};
	return event;
}

void
cv_device_change_tell(struct cv_device_change *change, enum cv_event_kind kind)
{
	(void)tell(change, kind);
}

void
cv_device_change_register(
    struct cv_device_change *change, const char *owner, const char *origin, const char *token)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, owner);
	cv_parameter_text(&parameters, origin);
	cv_parameter_text(&parameters, token);
	edit(change, CV_SQL(device_register), &parameters);
	edit_slot(change, CV_SQL(slot_insert));
	(void)tell(change, CV_EVENT_DEVICE_REGISTERED);
}

static enum cv_event_kind
event_of_state(enum cv_device_state state)
{
	switch (state) {
	case CV_DEVICE_OK:
		return CV_EVENT_DEVICE_ALLOWED;
	case CV_DEVICE_HELD:
		return CV_EVENT_DEVICE_HELD;
	case CV_DEVICE_DELETED:
		return CV_EVENT_DEVICE_DELETED;
	case CV_DEVICE_REVOKED:
		return CV_EVENT_DEVICE_REVOKED;
	}
	return CV_EVENT_DEVICE_ALLOWED;
}

static void
edit_device_text(struct cv_device_change *change, struct cv_sql sql, const char *text)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, text);
	edit(change, sql, &parameters);
}

void
cv_device_change_set_name(struct cv_device_change *change, const char *name)
{
	edit_device_text(change, CV_SQL(device_name_set), name);
}

void
cv_device_change_set_owner(struct cv_device_change *change, const char *owner)
{
	edit_device_text(change, CV_SQL(device_set_owner), owner);
}

void
cv_device_change_touch(struct cv_device_change *change, const char *who)
{
	edit_device_text(change, CV_SQL(device_touch), who);
}

void
cv_device_change_describe(
    struct cv_device_change *change, const char *hardware_id, const bool *is_production)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, hardware_id);
	if (is_production)
		cv_parameter_bool(&parameters, *is_production);
	else
		cv_parameter_text(&parameters, NULL);
	edit(change, CV_SQL(device_describe), &parameters);
}

void
cv_device_change_set_state(
    struct cv_device_change *change, enum cv_device_state state, const char *reason)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, cv_device_state_name(state));
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(device_set_state), &parameters);
	/* The remark of a hold is for operators; receivers of events are told names of RFC 5280. */
	tell(change, event_of_state(state))->reason = state == CV_DEVICE_REVOKED ? reason : NULL;
}

void
cv_device_change_set_group(struct cv_device_change *change, const char *group)
{
	edit_device_text(change, CV_SQL(device_set_group), group);
}

void
cv_device_change_void_tokens(struct cv_device_change *change)
{
	edit_device(change, CV_SQL(device_void_tokens));
}

void
cv_device_change_end_grants(struct cv_device_change *change)
{
	edit_device(change, CV_SQL(device_end_grants));
	edit_device(change, CV_SQL(device_end_grant_tokens));
}

void
cv_device_change_void_older_tokens(struct cv_device_change *change, const char *token)
{
	edit_device_text(change, CV_SQL(device_void_older_tokens), token);
}

void
cv_device_change_mark_seen(struct cv_device_change *change)
{
	edit_device(change, CV_SQL(device_mark_seen));
	if (!change->record.is_seen)
		(void)tell(change, CV_EVENT_FIRST_SEEN);
}

void
cv_device_change_use_token(
    struct cv_device_change *change, const char *token, const struct cv_digest *key)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, token);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_digest(&parameters, key);
	edit(change, CV_SQL(enrolment_token_use_insert), &parameters);
}

bool
cv_device_change_use_approval(
    struct cv_device_change *change, const char *id, bool *ret_is_good, struct cv_error *err)
{
	struct cv_connection *connection = change->set->connection;
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, id);
	if (!cv_batch_send(connection, CV_SQL(approval_use), &parameters, err) ||
	    !cv_batch_sync(connection, err) || !cv_batch_result(connection, &result, err))
		return cv_error_context(err, "using an approval");
	*ret_is_good = PQntuples(result) == 1;
	return true;
}

bool
cv_device_change_newest_asked_key(
    struct cv_device_change *change, struct cv_asked_key *ret_key, struct cv_error *err)
{
	struct cv_connection *connection = change->set->connection;
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, change->party.slot);
	if (!cv_batch_send(connection, CV_SQL(slot_key_newest_asked), &parameters, err) ||
	    !cv_batch_sync(connection, err) || !cv_batch_result(connection, &result, err))
		return cv_error_context(err, "device %s", change->party.device);
	ret_key->state = CV_KEY_UNKNOWN;
	if (PQntuples(result) == 0)
		return true;
	row = (struct cv_row){result, 0};
	cv_key_state_parse(cv_row_text(row, 2), &ret_key->state);
	ret_key->is_withdrawn = cv_row_bool(row, 3);
	return (cv_row_digest(row, 0, &ret_key->id) && cv_row_bytes(row, 1, &ret_key->spki)) ||
	       cv_fail(err, CV_E_MEMORY, "out of memory");
}

void
cv_device_change_add_certificate(
    struct cv_device_change *change, const struct cv_certificate_row *row)
{
	change->has_certificate = true;
	change->certificate = *row;
}

void
cv_device_change_set_first_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki)
{
	edit_key_with_spki(change, CV_SQL(slot_key_set_first), key, spki);
	edit_slot(change, CV_SQL(slot_activated));
}

void
cv_device_change_ask_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki)
{
	change->has_asked = true;
	change->asked_key = *key;
	change->asked_spki = spki;
}

static void
announce_key(struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki,
    bool replaces_others)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, key);
	cv_parameter_bool(&parameters, replaces_others);
	edit(change, CV_SQL(slot_key_withdraw_overtaken), &parameters);
	edit_key_with_spki(change, CV_SQL(slot_key_announce), key, spki);
	edit_slot(change, CV_SQL(slot_key_forget_named));
	edit_slot(change, CV_SQL(slot_lock_configuration));
}

void
cv_device_change_announce_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki)
{
	announce_key(change, key, spki, true);
}

void
cv_device_change_announce_too(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki)
{
	announce_key(change, key, spki, false);
}

static void
end_graces(struct cv_device_change *change, const char *slot)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, slot);
	edit(change, CV_SQL(slot_key_end_grace), &parameters);
}

static void
tell_of_key(struct cv_device_change *change, const struct cv_digest *key)
{
	struct cv_told_event *event = tell(change, CV_EVENT_KEY_CHANGED);

	event->has_key = true;
	event->key = *key;
	event->has_old_key = change->record.has_current;
	event->old_key = change->record.current_key;
}

void
cv_device_change_activate_key(
    struct cv_device_change *change, const struct cv_digest *key, int grace_days)
{
	struct cv_parameters parameters = {0};

	end_graces(change, change->party.slot);
	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, key);
	cv_parameter_number(&parameters, grace_days);
	edit(change, CV_SQL(slot_key_retire_current), &parameters);
	edit_key(change, CV_SQL(slot_key_discard_others), key);
	edit_key(change, CV_SQL(slot_key_make_current), key);
	edit_slot(change, CV_SQL(slot_activated));
	cv_device_change_promote_stage(change, key);
	tell_of_key(change, key);
}

void
cv_device_change_cancel_keys(struct cv_device_change *change)
{
	edit_slot(change, CV_SQL(slot_key_cancel));
	edit_slot(change, CV_SQL(slot_key_forget_named));
	edit_slot(change, CV_SQL(slot_unlock_configuration));
}

void
cv_device_change_end_key(struct cv_device_change *change, const struct cv_digest *key,
    enum cv_key_state state, const char *reason)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, key);
	cv_parameter_text(&parameters, cv_key_state_name(state));
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(slot_key_end), &parameters);
	edit_slot(change, CV_SQL(slot_unlock_configuration));
}

void
cv_device_change_end_all_keys(struct cv_device_change *change, const char *reason)
{
	struct cv_parameters parameters = {0};

	end_graces(change, NULL);
	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(slot_key_end_all), &parameters);
	edit_device(change, CV_SQL(slot_unlock_all));
}

void
cv_device_change_discard_open_keys(struct cv_device_change *change, const char *reason)
{
	struct cv_parameters parameters = {0};

	end_graces(change, change->party.slot);
	add_party(&parameters, &change->party);
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(slot_key_discard_open), &parameters);
	edit_slot(change, CV_SQL(slot_unlock_configuration));
}

void
cv_device_change_revoke_certificate(
    struct cv_device_change *change, const struct cv_digest *fingerprint, const char *reason)
{
	struct cv_parameters parameters = {0};
	struct cv_told_event *event;

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_digest(&parameters, fingerprint);
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(certificate_revoke), &parameters);
	event = tell(change, CV_EVENT_CERTIFICATE_REVOKED);
	event->has_certificate = true;
	event->certificate = *fingerprint;
	event->reason = reason;
}

void
cv_device_change_revoke_all_certificates(struct cv_device_change *change, const char *reason)
{
	edit_device_text(change, CV_SQL(certificate_revoke_all), reason);
}

void
cv_device_change_set_issue_debt(struct cv_device_change *change, int64_t debt_until_utc)
{
	change->issue_debt_until_utc = debt_until_utc;
}

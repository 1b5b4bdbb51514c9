#include "cv/store/device_change.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/clock.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "enrolment_token_internal.h"

struct cv_device_change {
	struct cv_connection *connection;
	struct cv_party party;
	struct cv_device_record record;
	bool has_token;
	struct cv_enrolment_token_row token;
	enum cv_authority_state authority_state;
	int64_t issue_debt_until_utc; /* written with the commit; 0: as it was */
	bool has_failed;              /* a queued edit could not be sent */
	struct cv_error error;
	bool is_committed;
};

/* ---- the record ---- */

static void
add_party(struct cv_parameters *parameters, const struct cv_party *party)
{
	cv_parameter_text(parameters, party->factory);
	cv_parameter_text(parameters, party->device);
	cv_parameter_text(parameters, party->slot);
}

static bool
send_record(
    struct cv_connection *connection, const struct cv_record_query *query, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, query->party);
	cv_parameter_digest(&parameters, query->presented_key);
	cv_parameter_digest(&parameters, query->named_key);
	cv_parameter_digest(&parameters, query->presented_tbs);
	cv_parameter_digest(&parameters, query->csr_digest);
	cv_parameter_number(&parameters, query->replay_window_seconds);
	return cv_batch_send(connection, CV_SQL(device_record), &parameters, err);
}

/* The five columns of one key, from `column` on. */
static void
read_key(struct cv_row row, int column, const struct cv_party *party, struct cv_key_view *ret_key)
{
	ret_key->state = CV_KEY_UNKNOWN;
	if (!cv_row_is_null(row, column))
		cv_key_state_parse(cv_row_text(row, column), &ret_key->state);
	ret_key->is_asked_by_current = cv_row_bool(row, column + 1);
	ret_key->talks_until_utc = cv_row_number(row, column + 2);
	ret_key->first_issued_version = cv_row_number(row, column + 3);
	ret_key->is_of_another = !cv_row_is_null(row, column + 4) &&
				 strcmp(cv_row_text(row, column + 4), party->device) != 0;
}

static void
read_record(struct cv_row row, const struct cv_party *party, struct cv_device_record *ret_record)
{
	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->now_utc = cv_row_number(row, 0);
	ret_record->exists = !cv_row_is_null(row, 1);
	if (ret_record->exists)
		cv_device_state_parse(cv_row_text(row, 1), &ret_record->device_state);
	ret_record->is_seen = cv_row_bool(row, 2);
	cv_text_copy(
	    ret_record->registered_by, sizeof(ret_record->registered_by), cv_row_text(row, 3));
	ret_record->has_slot = !cv_row_is_null(row, 4);
	ret_record->version = cv_row_number(row, 4);
	ret_record->locked_since_utc = cv_row_number(row, 5);
	ret_record->issue_debt_until_utc = cv_row_number(row, 6);
	ret_record->has_current = cv_row_digest(row, 7, &ret_record->current_key);
	ret_record->announced_count = (unsigned)cv_row_number(row, 8);
	ret_record->current_certificates = (unsigned)cv_row_number(row, 9);
	read_key(row, 10, party, &ret_record->presented);
	read_key(row, 15, party, &ret_record->named);
	ret_record->certificate_is_known = cv_row_bool(row, 20);
	ret_record->certificate_is_revoked = cv_row_bool(row, 21);
	ret_record->has_repeat = cv_row_digest(row, 22, &ret_record->repeat_fingerprint);
	ret_record->tokens_void_before_us = cv_row_number(row, 23);
	ret_record->current_was_named = cv_row_bool(row, 24);
}

bool
cv_device_record_read(struct cv_connection *connection, const struct cv_record_query *query,
    struct cv_device_record *ret_record, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_error ignored;
	bool is_good;

	if (!cv_batch_begin(connection, err))
		return false;
	is_good = send_record(connection, query, err) && cv_batch_sync(connection, err) &&
		  cv_batch_result(connection, &result, err);
	if (!cv_batch_end(connection, is_good ? err : &ignored) || !is_good)
		return false;
	read_record((struct cv_row){result, 0}, query->party, ret_record);
	return true;
}

bool
cv_device_newest_asked_key(struct cv_connection *connection, const struct cv_party *party,
    bool *ret_exists, struct cv_digest *ret_key, struct cv_buffer *ret_spki, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	add_party(&parameters, party);
	if (!cv_execute(connection, CV_SQL(slot_key_newest_asked), &parameters, &result, err))
		return cv_error_context(err, "device %s", party->device);
	*ret_exists = PQntuples(result) == 1;
	row = (struct cv_row){result, 0};
	if (*ret_exists && (!cv_row_digest(row, 0, ret_key) || !cv_row_bytes(row, 1, ret_spki)))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

/* ---- begin ---- */

/* Each claim is a transaction of its own, finished before the device's lock is asked for. */
static bool
send_claims(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_change_options *options, struct cv_error *err)
{
	for (size_t i = 0; i < 2; i++) {
		struct cv_parameters parameters = {0};

		if (!options->proved_keys[i])
			continue;
		cv_parameter_text(&parameters, party->factory);
		cv_parameter_digest(&parameters, options->proved_keys[i]);
		cv_parameter_text(&parameters, party->device);
		if (!cv_batch_send(connection, CV_SQL(key_claim_insert), &parameters, err) ||
		    !cv_batch_sync(connection, err))
			return false;
	}
	return true;
}

/* Lock order: authority, token, device. */
static bool
send_locks(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_change_options *options, struct cv_error *err)
{
	struct cv_parameters authority = {0}, token = {0}, device = {0};

	cv_parameter_text(&authority, options->authority);
	cv_parameter_text(&token, options->token);
	cv_parameter_text(&device, party->factory);
	cv_parameter_text(&device, party->device);
	if (!cv_batch_send(connection, CV_SQL(begin), NULL, err))
		return false;
	if (options->authority &&
	    !cv_batch_send(connection, CV_SQL(authority_lock), &authority, err))
		return false;
	if (options->token && !cv_batch_send(connection, CV_SQL(enrolment_token_lock), &token, err))
		return false;
	if (options->creates_device &&
	    !cv_batch_send(connection, CV_SQL(device_insert), &device, err))
		return false;
	if (!cv_batch_send(connection, CV_SQL(device_lock), &device, err))
		return false;
	cv_parameter_text(&token, party->device);
	return !options->token ||
	       cv_batch_send(connection, CV_SQL(enrolment_token_read), &token, err);
}

void
cv_enrolment_token_from_row(struct cv_row row, struct cv_enrolment_token_row *ret_token)
{
	memset(ret_token, 0, sizeof(*ret_token));
	cv_text_copy(ret_token->id, sizeof(ret_token->id), cv_row_text(row, 0));
	cv_text_copy(ret_token->factory, sizeof(ret_token->factory), cv_row_text(row, 1));
	cv_text_copy(ret_token->device, sizeof(ret_token->device), cv_row_text(row, 2));
	ret_token->uses_max = cv_row_number(row, 3);
	ret_token->uses = cv_row_number(row, 4);
	ret_token->is_used_by_device = cv_row_bool(row, 5);
	ret_token->is_spent_by_device = cv_row_bool(row, 6);
	ret_token->expires_in_seconds = cv_row_number(row, 7);
	ret_token->made_at_us = cv_row_number(row, 8);
}

static bool
skip_results(struct cv_connection *connection, size_t count, struct cv_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!cv_batch_result(connection, NULL, err))
			return false;
	}
	return true;
}

static bool
read_authority(struct cv_device_change *change, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	change->authority_state = CV_AUTHORITY_REVOKED;
	if (!cv_batch_result(change->connection, &result, err))
		return false;
	if (PQntuples(result) == 1)
		cv_authority_state_parse(
		    cv_row_text((struct cv_row){result, 0}, 0), &change->authority_state);
	return true;
}

static bool
read_token(struct cv_device_change *change, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_batch_result(change->connection, &result, err))
		return false;
	change->has_token = PQntuples(result) == 1;
	if (change->has_token)
		cv_enrolment_token_from_row((struct cv_row){result, 0}, &change->token);
	return true;
}

/* The answers to send_claims, send_locks and send_record, in the order of sending. */
static bool
read_begin(
    struct cv_device_change *change, const struct cv_change_options *options, struct cv_error *err)
{
	struct cv_connection *connection = change->connection;
	CV_AUTO_RESULT PGresult *inserted = NULL;
	CV_AUTO_RESULT PGresult *record = NULL;
	size_t claims = (options->proved_keys[0] ? 1u : 0u) + (options->proved_keys[1] ? 1u : 0u);

	if (!skip_results(connection, claims + 1, err))
		return false;
	if (options->authority && !read_authority(change, err))
		return false;
	if (options->token && !skip_results(connection, 1, err))
		return false;
	if (options->creates_device && !cv_batch_result(connection, &inserted, err))
		return false;
	if (!skip_results(connection, 1, err))
		return false;
	if (options->token && !read_token(change, err))
		return false;
	if (!cv_batch_result(connection, &record, err))
		return false;
	read_record((struct cv_row){record, 0}, &change->party, &change->record);
	if (inserted && strcmp(PQcmdTuples(inserted), "1") == 0)
		change->record.exists = false;
	return true;
}

bool
cv_device_change_begin(struct cv_connection *connection, const struct cv_record_query *query,
    const struct cv_change_options *options, struct cv_device_change **ret_change,
    struct cv_error *err)
{
	CV_AUTO(cv_device_change) struct cv_device_change *change = calloc(1, sizeof(*change));
	struct cv_error ignored;
	bool is_good;

	if (!change)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	change->connection = connection;
	change->party = *query->party;
	if (!cv_batch_begin(connection, err))
		return false;
	is_good = send_claims(connection, query->party, options, err) &&
		  send_locks(connection, query->party, options, err) &&
		  send_record(connection, query, err) && cv_batch_sync(connection, err) &&
		  read_begin(change, options, err);
	if (!cv_batch_end(connection, is_good ? err : &ignored) || !is_good)
		return false;
	/* The edits that follow are queued until commit sends them in one go. */
	if (!cv_batch_begin(connection, err))
		return false;
	*ret_change = CV_TAKE(change);
	return true;
}

void
cv_device_change_free(struct cv_device_change *change)
{
	if (!change)
		return;
	if (!change->is_committed)
		cv_rollback(change->connection);
	free(change);
}

const struct cv_device_record *
cv_device_change_record(const struct cv_device_change *change)
{
	return &change->record;
}

bool
cv_device_change_token(
    const struct cv_device_change *change, struct cv_enrolment_token_row *ret_token)
{
	if (change->has_token)
		*ret_token = change->token;
	return change->has_token;
}

enum cv_authority_state
cv_device_change_authority_state(const struct cv_device_change *change)
{
	return change->authority_state;
}

/* ---- edits ---- */

static void
edit(struct cv_device_change *change, struct cv_sql sql, const struct cv_parameters *parameters)
{
	if (change->has_failed)
		return;
	if (!cv_batch_send(change->connection, sql, parameters, &change->error))
		change->has_failed = true;
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
}

void
cv_device_change_void_tokens(struct cv_device_change *change)
{
	edit_device(change, CV_SQL(device_void_tokens));
}

void
cv_device_change_mark_seen(struct cv_device_change *change)
{
	edit_device(change, CV_SQL(device_mark_seen));
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

void
cv_device_change_add_certificate(
    struct cv_device_change *change, const struct cv_certificate_row *row)
{
	struct cv_parameters parameters = {0};

	cv_parameter_digest(&parameters, &row->fingerprint);
	cv_parameter_digest(&parameters, &row->tbs_digest);
	cv_parameter_bytes(&parameters, CV_BYTES(row->sha1));
	add_party(&parameters, &change->party);
	cv_parameter_digest(&parameters, &row->key_id);
	cv_parameter_text(&parameters, row->authority);
	cv_parameter_bool(&parameters, row->is_ours);
	cv_parameter_bytes(&parameters, row->serial);
	cv_parameter_number(&parameters, row->not_before_utc);
	cv_parameter_number(&parameters, row->not_after_utc);
	cv_parameter_digest(&parameters, row->has_csr_digest ? &row->csr_digest : NULL);
	cv_parameter_bytes(&parameters, row->der);
	edit(change, CV_SQL(certificate_insert), &parameters);
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
	edit_key_with_spki(change, CV_SQL(slot_key_ask), key, spki);
}

void
cv_device_change_announce_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki)
{
	edit_key(change, CV_SQL(slot_key_withdraw_overtaken), key);
	edit_key_with_spki(change, CV_SQL(slot_key_announce), key, spki);
	edit_slot(change, CV_SQL(slot_key_forget_named));
	edit_slot(change, CV_SQL(slot_lock_configuration));
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
}

void
cv_device_change_cancel_key(struct cv_device_change *change, const struct cv_digest *key)
{
	edit_key(change, CV_SQL(slot_key_cancel), key);
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

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_digest(&parameters, fingerprint);
	cv_parameter_text(&parameters, reason);
	edit(change, CV_SQL(certificate_revoke), &parameters);
}

void
cv_device_change_set_issue_debt(struct cv_device_change *change, int64_t debt_until_utc)
{
	change->issue_debt_until_utc = debt_until_utc;
}

/* ---- commit ---- */

static void
add_audit(struct cv_device_change *change, const struct cv_change_note *note)
{
	struct cv_parameters parameters = {0};
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_parameter_text(&parameters, id);
	cv_parameter_text(&parameters, note->actor);
	cv_parameter_text(&parameters, note->kind);
	add_party(&parameters, &change->party);
	cv_parameter_text(&parameters, note->reason);
	cv_parameter_text(&parameters, note->request_id);
	cv_parameter_text(&parameters, note->before_json);
	cv_parameter_text(&parameters, note->after_json);
	edit(change, CV_SQL(audit_insert), &parameters);
}

static void
add_raise(struct cv_device_change *change, const struct cv_change_note *note)
{
	struct cv_parameters parameters = {0};

	add_party(&parameters, &change->party);
	cv_parameter_bool(&parameters, note->touches_all_slots);
	cv_parameter_text(&parameters, note->kind);
	if (change->issue_debt_until_utc)
		cv_parameter_number(&parameters, change->issue_debt_until_utc);
	else
		cv_parameter_text(&parameters, NULL);
	edit(change, CV_SQL(change_raise), &parameters);
}

/* Everything up to the answer to COMMIT; the last result but one carries the new version. */
static bool
read_commit(struct cv_device_change *change, int64_t *ret_version, struct cv_error *err)
{
	struct cv_connection *connection = change->connection;
	size_t statements = 0;
	CV_AUTO_RESULT PGresult *raised = NULL;

	for (size_t i = connection->item_head; i < connection->item_tail; i++)
		statements += connection->items[i].kind == CV_BATCH_STATEMENT;
	if (!skip_results(connection, statements - 2, err) ||
	    !cv_batch_result(connection, &raised, err) || !cv_batch_result(connection, NULL, err))
		return false;
	*ret_version = PQntuples(raised) == 1 ? cv_row_number((struct cv_row){raised, 0}, 0) : 0;
	return true;
}

bool
cv_device_change_commit(struct cv_device_change *change, const struct cv_change_note *note,
    int64_t *ret_version, struct cv_error *err)
{
	struct cv_error ignored;
	int64_t version = 0;
	bool is_good;

	add_audit(change, note);
	add_raise(change, note);
	edit(change, CV_SQL(commit), NULL);
	if (change->has_failed) {
		*err = change->error;
		return false;
	}
	is_good = cv_batch_sync(change->connection, err) && read_commit(change, &version, err);
	if (!cv_batch_end(change->connection, is_good ? err : &ignored) || !is_good)
		return cv_error_context(err, "%s of device %s", note->kind, change->party.device);
	change->connection->is_in_transaction = false;
	change->is_committed = true;
	if (ret_version)
		*ret_version = version;
	return true;
}

#include "cv/store/device_change.h"

#include <stdlib.h>
#include <string.h>

#include "cv/util/clock.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "device_change_internal.h"
#include "enrolment_token_internal.h"
#include "outbox_internal.h"

#define REPEATS_COLUMN 22 /* of device_record.sql */

/* ---- begin ---- */

/*
 * Keys proved by the requests, in a transaction of their own, finished before a device's lock is
 * asked for.
 */
static bool
send_claims(struct cv_connection *connection, struct cv_rows *claims, struct cv_error *err)
{
	return claims->count == 0 ||
	       (cv_batch_send_rows(connection, CV_SQL(key_claim_insert), claims, err) &&
		   cv_batch_sync(connection, err));
}

static void
add_claim(struct cv_rows *claims, const struct cv_record_query *query, const struct cv_digest *key)
{
	if (!key)
		return;
	cv_rows_next(claims);
	cv_rows_text(claims, query->party->factory);
	cv_rows_digest(claims, key);
	cv_rows_text(claims, query->party->device);
	cv_rows_text(claims, query->party->slot);
	if (query->claims_within_debt)
		cv_rows_number(claims, query->claim_debt_max_seconds);
	else
		cv_rows_no_number(claims);
}

static bool
send_name(struct cv_connection *connection, const struct cv_party *party, const char *name,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, name);
	cv_parameter_text(&parameters, party->device);
	return cv_batch_send(connection, CV_SQL(device_name_holder), &parameters, err);
}

static bool
send_claim(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_digest *key, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_digest(&parameters, key);
	cv_parameter_text(&parameters, party->device);
	return cv_batch_send(connection, CV_SQL(key_claim_take), &parameters, err);
}

static bool
send_turn(struct cv_connection *connection, struct cv_sql sql, const struct cv_party *party,
    const char *group, const char *device, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, group);
	cv_parameter_text(&parameters, party->factory);
	if (device)
		cv_parameter_text(&parameters, device);
	return cv_batch_send(connection, sql, &parameters, err);
}

/* For a turn the device's lock is taken only when it is free; the turn is read after that. */
static bool
lock_device(struct cv_connection *connection, const struct cv_party *party, const char *group,
    const struct cv_parameters *device, struct cv_error *err)
{
	if (!group)
		return cv_batch_send(connection, CV_SQL(device_lock), device, err);
	return cv_batch_send(connection, CV_SQL(device_lock_free), device, err) &&
	       send_turn(connection, CV_SQL(rotation_turn), party, group, party->device, err);
}

/* Lock order: authority, token, group, rotation group, device, claim. */
static bool
send_locks(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_change_options *options, struct cv_error *err)
{
	struct cv_parameters authority = {0}, token = {0}, group = {0}, device = {0};

	cv_parameter_text(&authority, options->authority);
	cv_parameter_text(&token, options->token);
	cv_parameter_text(&group, options->group);
	cv_parameter_text(&group, party->factory);
	cv_parameter_text(&device, party->factory);
	cv_parameter_text(&device, party->device);
	if (!cv_batch_send(connection, CV_SQL(begin), NULL, err))
		return false;
	if (options->authority &&
	    !cv_batch_send(connection, CV_SQL(authority_lock), &authority, err))
		return false;
	if (options->token && !cv_batch_send(connection, CV_SQL(enrolment_token_lock), &token, err))
		return false;
	if (options->group && !cv_batch_send(connection, CV_SQL(group_lock), &group, err))
		return false;
	if (options->rotation_group && !send_turn(connection, CV_SQL(rotation_turn_lock), party,
					   options->rotation_group, NULL, err))
		return false;
	if (options->creates_device &&
	    !cv_batch_send(connection, CV_SQL(device_insert), &device, err))
		return false;
	if (!lock_device(connection, party, options->rotation_group, &device, err))
		return false;
	if (options->claimed_key && !send_claim(connection, party, options->claimed_key, err))
		return false;
	if (options->name && !send_name(connection, party, options->name, err))
		return false;
	cv_parameter_digest(&token, NULL);
	cv_parameter_text(&token, party->device);
	return !options->token ||
	       cv_batch_send(connection, CV_SQL(enrolment_token_find), &token, err);
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
	cv_text_copy(ret_token->label, sizeof(ret_token->label), cv_row_text(row, 9));
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
	if (!cv_batch_result(change->set->connection, &result, err))
		return false;
	if (PQntuples(result) == 1)
		cv_authority_state_parse(
		    cv_row_text((struct cv_row){result, 0}, 0), &change->authority_state);
	return true;
}

static bool
read_name(struct cv_device_change *change, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_batch_result(change->set->connection, &result, err))
		return false;
	change->name_is_free = PQntuples(result) == 0;
	return true;
}

static bool
read_token(struct cv_device_change *change, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_batch_result(change->set->connection, &result, err))
		return false;
	change->has_token = PQntuples(result) == 1;
	if (change->has_token)
		cv_enrolment_token_from_row((struct cv_row){result, 0}, &change->token);
	return true;
}

/* Was the row of the statement that comes next there to be locked? */
static bool
read_lock(struct cv_device_change *change, bool *ret_is_locked, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_batch_result(change->set->connection, &result, err))
		return false;
	*ret_is_locked = PQntuples(result) == 1;
	return true;
}

static bool
read_turn(struct cv_device_change *change, bool has_group, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;
	bool has_device;

	if (!read_lock(change, &has_device, err) ||
	    !cv_batch_result(change->set->connection, &result, err))
		return false;
	row = (struct cv_row){result, 0};
	if (has_group && has_device && PQntuples(result) == 1)
		change->turn = (struct cv_rotation_turn){.is_given = cv_row_bool(row, 2),
		    .next_ms = cv_row_number(row, 0),
		    .now_ms = cv_row_number(row, 1)};
	return true;
}

static bool
take_record(struct cv_row row, struct cv_device_change *change, struct cv_error *err)
{
	cv_device_record_from_row(row, &change->party, &change->record);
	return cv_row_is_null(row, REPEATS_COLUMN) ||
	       cv_row_bytes(row, REPEATS_COLUMN, &change->repeats) ||
	       cv_fail(err, CV_E_MEMORY, "out of memory");
}

/* The answers to what begin_one sent, in the order of sending. */
static bool
read_one(struct cv_device_change *change, const struct cv_change_options *options, bool has_claims,
    struct cv_error *err)
{
	struct cv_connection *connection = change->set->connection;
	CV_AUTO_RESULT PGresult *inserted = NULL;
	CV_AUTO_RESULT PGresult *record = NULL;
	bool has_rotation_group = false;

	if (!skip_results(connection, has_claims ? 2 : 1, err))
		return false;
	if (options->authority && !read_authority(change, err))
		return false;
	if (options->token && !skip_results(connection, 1, err))
		return false;
	if (options->group && !read_lock(change, &change->has_group, err))
		return false;
	if (options->rotation_group && !read_lock(change, &has_rotation_group, err))
		return false;
	if (options->creates_device && !cv_batch_result(connection, &inserted, err))
		return false;
	if (options->rotation_group ? !read_turn(change, has_rotation_group, err)
				    : !skip_results(connection, 1, err))
		return false;
	if (options->claimed_key && !skip_results(connection, 1, err))
		return false;
	if (options->name && !read_name(change, err))
		return false;
	if (options->token && !read_token(change, err))
		return false;
	if (!cv_batch_result(connection, &record, err))
		return false;
	if (!take_record((struct cv_row){record, 0}, change, err))
		return false;
	if (inserted && strcmp(PQcmdTuples(inserted), "1") == 0)
		change->record.exists = false;
	return true;
}

static bool
begin_one(struct cv_device_change *change, const struct cv_record_query *query,
    const struct cv_change_options *options, struct cv_error *err)
{
	struct cv_connection *connection = change->set->connection;
	CV_AUTO_ROWS struct cv_rows claims = {0};

	for (size_t i = 0; i < 2; i++)
		add_claim(&claims, query, options->proved_keys[i]);
	return send_claims(connection, &claims, err) &&
	       send_locks(connection, query->party, options, err) &&
	       cv_device_records_send(connection, query, 1, err) &&
	       cv_batch_sync(connection, err) && read_one(change, options, claims.count > 0, err);
}

static bool
read_locked(struct cv_change_set *set, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_batch_result(set->connection, &result, err))
		return false;
	for (int i = 0; i < PQntuples(result); i++) {
		size_t place = (size_t)cv_row_number((struct cv_row){result, i}, 0);

		set->changes[place - 1].is_locked = true;
	}
	return true;
}

static bool
read_many(struct cv_change_set *set, bool has_claims, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *records = NULL;

	if (!skip_results(set->connection, has_claims ? 2 : 1, err) || !read_locked(set, err) ||
	    !cv_batch_result(set->connection, &records, err))
		return false;
	if ((size_t)PQntuples(records) != set->count)
		return cv_fail(err, CV_E_INTERNAL, "a record for each device was expected");
	for (size_t i = 0; i < set->count; i++) {
		if (!take_record((struct cv_row){records, (int)i}, &set->changes[i], err))
			return false;
	}
	return true;
}

static bool
begin_many(struct cv_change_set *set, const struct cv_record_query *queries, struct cv_error *err)
{
	struct cv_connection *connection = set->connection;
	CV_AUTO_ROWS struct cv_rows claims = {0}, devices = {0};

	for (size_t i = 0; i < set->count; i++) {
		add_claim(&claims, &queries[i], queries[i].named_key);
		cv_rows_next(&devices);
		cv_rows_text(&devices, queries[i].party->factory);
		cv_rows_text(&devices, queries[i].party->device);
	}
	return send_claims(connection, &claims, err) &&
	       cv_batch_send(connection, CV_SQL(begin), NULL, err) &&
	       cv_batch_send_rows(connection, CV_SQL(device_lock_idle), &devices, err) &&
	       cv_device_records_send(connection, queries, set->count, err) &&
	       cv_batch_sync(connection, err) && read_many(set, claims.count > 0, err);
}

static struct cv_change_set *
make_set(struct cv_connection *connection, const struct cv_record_query *queries, size_t count)
{
	struct cv_change_set *set = calloc(1, sizeof(*set) + count * sizeof(set->changes[0]));

	if (!set)
		return NULL;
	set->connection = connection;
	set->count = count;
	for (size_t i = 0; i < count; i++) {
		set->changes[i].set = set;
		set->changes[i].party = *queries[i].party;
	}
	return set;
}

/* Ends the batch of the begin; the edits that follow are queued until commit sends them in one go.
 */
static bool
open_for_edits(struct cv_change_set *set, bool is_good, struct cv_error *err)
{
	struct cv_error ignored;

	return cv_batch_end(set->connection, is_good ? err : &ignored) && is_good &&
	       cv_batch_begin(set->connection, err);
}

bool
cv_device_change_begin(struct cv_connection *connection, const struct cv_record_query *query,
    const struct cv_change_options *options, struct cv_device_change **ret_change,
    struct cv_error *err)
{
	CV_AUTO(cv_change_set) struct cv_change_set *set = make_set(connection, query, 1);

	if (!set)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	set->changes[0].is_locked = true;
	if (!cv_batch_begin(connection, err) ||
	    !open_for_edits(set, begin_one(&set->changes[0], query, options, err), err))
		return false;
	*ret_change = &CV_TAKE(set)->changes[0];
	return true;
}

bool
cv_change_set_begin(struct cv_connection *connection, const struct cv_record_query *queries,
    size_t count, struct cv_change_set **ret_set, struct cv_error *err)
{
	CV_AUTO(cv_change_set) struct cv_change_set *set = make_set(connection, queries, count);

	if (!set)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_batch_begin(connection, err) ||
	    !open_for_edits(set, begin_many(set, queries, err), err))
		return false;
	*ret_set = CV_TAKE(set);
	return true;
}

struct cv_device_change *
cv_change_set_change(struct cv_change_set *set, size_t index)
{
	return set->changes[index].is_locked ? &set->changes[index] : NULL;
}

void
cv_change_set_free(struct cv_change_set *set)
{
	if (!set)
		return;
	if (!set->is_committed)
		cv_rollback(set->connection);
	for (size_t i = 0; i < set->count; i++)
		cv_buffer_deinit(&set->changes[i].repeats);
	free(set);
}

void
cv_device_change_free(struct cv_device_change *change)
{
	if (change)
		cv_change_set_free(change->set);
}

const struct cv_device_record *
cv_device_change_record(const struct cv_device_change *change)
{
	return &change->record;
}

struct cv_bytes
cv_device_change_repeats(const struct cv_device_change *change)
{
	return cv_buffer_bytes(&change->repeats);
}

bool
cv_device_change_token(
    const struct cv_device_change *change, struct cv_enrolment_token_row *ret_token)
{
	if (change->has_token)
		*ret_token = change->token;
	return change->has_token;
}

bool
cv_device_change_group_exists(const struct cv_device_change *change)
{
	return change->has_group;
}

bool
cv_device_change_name_is_free(const struct cv_device_change *change)
{
	return change->name_is_free;
}

struct cv_rotation_turn
cv_device_change_turn(const struct cv_device_change *change)
{
	return change->turn;
}

enum cv_authority_state
cv_device_change_authority_state(const struct cv_device_change *change)
{
	return change->authority_state;
}

/* ---- commit ---- */

static void
send_rows(struct cv_change_set *set, struct cv_sql sql, struct cv_rows *rows)
{
	if (rows->count > 0 && !set->has_failed &&
	    !cv_batch_send_rows(set->connection, sql, rows, &set->error))
		set->has_failed = true;
}

static void
take_asked(struct cv_device_change *change, struct cv_rows *asked)
{
	if (!change->has_asked)
		return;
	change->has_asked = false;
	cv_rows_next(asked);
	cv_rows_text(asked, change->party.factory);
	cv_rows_text(asked, change->party.device);
	cv_rows_text(asked, change->party.slot);
	cv_rows_digest(asked, &change->asked_key);
	cv_rows_bytes(asked, change->asked_spki);
}

void
cv_device_change_send_asked(struct cv_device_change *change)
{
	CV_AUTO_ROWS struct cv_rows asked = {0};

	take_asked(change, &asked);
	send_rows(change->set, CV_SQL(slot_key_ask), &asked);
}

static void
add_certificate(const struct cv_device_change *change, struct cv_rows *certificates)
{
	const struct cv_certificate_row *row = &change->certificate;

	if (!change->has_certificate)
		return;
	cv_rows_next(certificates);
	cv_rows_digest(certificates, &row->fingerprint);
	cv_rows_digest(certificates, &row->tbs_digest);
	cv_rows_bytes(certificates, CV_BYTES(row->sha1));
	cv_rows_text(certificates, change->party.factory);
	cv_rows_text(certificates, change->party.device);
	cv_rows_text(certificates, change->party.slot);
	cv_rows_digest(certificates, &row->key_id);
	cv_rows_text(certificates, row->authority);
	cv_rows_bool(certificates, row->is_ours);
	cv_rows_bytes(certificates, row->serial);
	cv_rows_number(certificates, row->not_before_utc);
	cv_rows_number(certificates, row->not_after_utc);
	cv_rows_digest(certificates, row->has_csr_digest ? &row->csr_digest : NULL);
	cv_rows_bytes(certificates, row->der);
	cv_rows_text(certificates, row->label);
}

static void
add_finish(const struct cv_device_change *change, struct cv_rows *finished)
{
	const struct cv_change_note *note = change->note;
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_rows_next(finished);
	cv_rows_text(finished, change->party.factory);
	cv_rows_text(finished, change->party.device);
	cv_rows_text(finished, change->party.slot);
	cv_rows_bool(finished, note->touches_all_slots);
	cv_rows_text(finished, note->kind);
	if (change->issue_debt_until_utc)
		cv_rows_number(finished, change->issue_debt_until_utc);
	else
		cv_rows_no_number(finished);
	cv_rows_text(finished, id);
	cv_rows_text(finished, note->actor);
	cv_rows_text(finished, note->reason);
	cv_rows_text(finished, note->request_id);
	cv_rows_text(finished, note->before_json);
	cv_rows_text(finished, note->after_json);
}

static void
add_events(const struct cv_device_change *change, struct cv_rows *events)
{
	for (size_t i = 0; i < change->event_count; i++) {
		const struct cv_told_event *event = &change->events[i];
		const struct cv_event_note note = {
		    .kind = event->kind,
		    .new_key = event->has_key ? &event->key : NULL,
		    .old_key = event->has_old_key ? &event->old_key : NULL,
		    .reason = event->reason,
		    .certificate = event->has_certificate ? &event->certificate : NULL,
		};

		cv_outbox_add_row(events, &change->party, &note);
	}
}

/* What the changes that have a note kept, each kind in one statement, and COMMIT. */
static bool
send_commit(struct cv_change_set *set, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows asked = {0}, certificates = {0}, events = {0}, finished = {0};

	for (size_t i = 0; i < set->count; i++) {
		struct cv_device_change *change = &set->changes[i];

		if (!change->note)
			continue;
		take_asked(change, &asked);
		add_certificate(change, &certificates);
		add_events(change, &events);
		add_finish(change, &finished);
	}
	send_rows(set, CV_SQL(slot_key_ask), &asked);
	send_rows(set, CV_SQL(certificate_insert), &certificates);
	send_rows(set, CV_SQL(outbox_write), &events);
	send_rows(set, CV_SQL(change_finish), &finished);
	if (set->has_failed) {
		*err = set->error;
		return false;
	}
	return cv_batch_send(set->connection, CV_SQL(commit), NULL, err) &&
	       cv_batch_sync(set->connection, err);
}

/* Everything up to the answer to COMMIT; the last result but one carries the new version. */
static bool
read_commit(struct cv_change_set *set, struct cv_error *err)
{
	struct cv_connection *connection = set->connection;
	size_t statements = 0;
	CV_AUTO_RESULT PGresult *finished = NULL;

	for (size_t i = connection->item_head; i < connection->item_tail; i++)
		statements += connection->items[i].kind == CV_BATCH_STATEMENT;
	if (!skip_results(connection, statements - 2, err) ||
	    !cv_batch_result(connection, &finished, err) || !cv_batch_result(connection, NULL, err))
		return false;
	set->version = PQntuples(finished) > 0 ? cv_row_number((struct cv_row){finished, 0}, 0) : 0;
	return true;
}

void
cv_device_change_note(struct cv_device_change *change, const struct cv_change_note *note)
{
	change->note = note;
}

bool
cv_change_set_commit(struct cv_change_set *set, struct cv_error *err)
{
	struct cv_error ignored;
	bool is_good = send_commit(set, err) && read_commit(set, err);

	if (!cv_batch_end(set->connection, is_good ? err : &ignored) || !is_good)
		return false;
	set->connection->is_in_transaction = false;
	set->is_committed = true;
	return true;
}

bool
cv_device_change_commit(struct cv_device_change *change, const struct cv_change_note *note,
    int64_t *ret_version, struct cv_error *err)
{
	cv_device_change_note(change, note);
	if (!cv_change_set_commit(change->set, err))
		return cv_error_context(err, "%s of device %s", note->kind, change->party.device);
	if (ret_version)
		*ret_version = change->set->version;
	return true;
}

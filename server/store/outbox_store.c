#include "cv/store/outbox_store.h"

#include <stdlib.h>

#include "cv/util/clock.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "outbox_internal.h"

/* ---- writing ---- */

void
cv_outbox_add_row(
    struct cv_rows *rows, const struct cv_party *party, const struct cv_event_note *note)
{
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_rows_next(rows);
	cv_rows_text(rows, id);
	cv_rows_text(rows, party->factory);
	cv_rows_text(rows, party->device);
	cv_rows_text(rows, party->slot);
	cv_rows_text(rows, cv_event_kind_name(note->kind));
	cv_rows_digest(rows, note->new_key);
	cv_rows_digest(rows, note->old_key);
	cv_rows_text(rows, note->reason);
	cv_rows_digest(rows, note->certificate);
}

bool
cv_outbox_write(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_event_note *note, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows rows = {0};
	struct cv_parameters parameters = {0};

	cv_outbox_add_row(&rows, party, note);
	return (cv_rows_bind(&rows, &parameters, err) &&
		   cv_execute(connection, CV_SQL(outbox_write), &parameters, NULL, err)) ||
	       cv_error_context(err, "event %s", cv_event_kind_name(note->kind));
}

/* ---- delivering ---- */

/* Columns of outbox_claim.sql. */
static bool
read_event(struct cv_row row, struct cv_event *ret_event)
{
	cv_text_copy(ret_event->id, sizeof(ret_event->id), cv_row_text(row, 6));
	ret_event->number = cv_row_number(row, 7);
	cv_text_copy(ret_event->factory, sizeof(ret_event->factory), cv_row_text(row, 8));
	cv_text_copy(ret_event->device, sizeof(ret_event->device), cv_row_text(row, 9));
	ret_event->at_ms = cv_row_number(row, 11);
	cv_text_copy(ret_event->slot, sizeof(ret_event->slot), cv_row_text(row, 12));
	cv_text_copy(ret_event->group, sizeof(ret_event->group), cv_row_text(row, 13));
	ret_event->group_number = cv_row_is_null(row, 14) ? -1 : cv_row_number(row, 14);
	cv_text_copy(ret_event->reason, sizeof(ret_event->reason), cv_row_text(row, 17));
	cv_text_copy(ret_event->certificate, sizeof(ret_event->certificate), cv_row_text(row, 18));
	return cv_event_kind_parse(cv_row_text(row, 10), &ret_event->kind) &&
	       (cv_row_is_null(row, 15) || cv_row_bytes(row, 15, &ret_event->new_key)) &&
	       (cv_row_is_null(row, 16) || cv_row_bytes(row, 16, &ret_event->old_key));
}

static bool
read_delivery(struct cv_row row, struct cv_delivery *ret_delivery)
{
	cv_text_copy(
	    ret_delivery->subscription, sizeof(ret_delivery->subscription), cv_row_text(row, 0));
	cv_text_copy(ret_delivery->label, sizeof(ret_delivery->label), cv_row_text(row, 1));
	ret_delivery->is_push = cv_row_bool(row, 2);
	cv_buffer_append_text(&ret_delivery->url, cv_row_text(row, 3));
	ret_delivery->attempt = cv_row_number(row, 5);
	return !ret_delivery->url.has_failed &&
	       (cv_row_is_null(row, 4) || cv_row_bytes(row, 4, &ret_delivery->sealed_secret)) &&
	       read_event(row, &ret_delivery->event);
}

static void
append_parameters(struct cv_parameters *parameters, const struct cv_parameters *more)
{
	for (int i = 0; i < more->count; i++) {
		int place = parameters->count++;

		parameters->values[place] = more->values[i];
		parameters->lengths[place] = more->lengths[i];
		parameters->formats[place] = more->formats[i];
	}
}

/* The parameters borrow from the rows. */
static bool
bind_claim(const struct cv_outbox_claim *claim, struct cv_rows *busy,
    struct cv_parameters *ret_parameters, struct cv_error *err)
{
	struct cv_parameters arrays = {0};

	for (size_t i = 0; i < claim->load_count; i++) {
		cv_rows_next(busy);
		cv_rows_text(busy, claim->load[i].subscription);
		cv_rows_number(busy, claim->load[i].count);
	}
	if (busy->count > 0 && !cv_rows_bind(busy, &arrays, err))
		return false;
	while (arrays.count < 2)
		cv_parameter_text(&arrays, NULL);
	cv_parameter_number(ret_parameters, claim->limit_per_subscription);
	cv_parameter_number(ret_parameters, claim->lease_seconds);
	append_parameters(ret_parameters, &arrays);
	cv_parameter_number(ret_parameters, claim->limit);
	return true;
}

bool
cv_outbox_claim(struct cv_connection *connection, const struct cv_outbox_claim *claim,
    cv_delivery_sink *sink, void *context, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows busy = {0};
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!bind_claim(claim, &busy, &parameters, err) ||
	    !cv_execute(connection, CV_SQL(outbox_claim), &parameters, &result, err))
		return cv_error_context(err, "claiming deliveries");
	for (int i = 0; i < PQntuples(result); i++) {
		CV_AUTO(cv_delivery) struct cv_delivery *delivery = calloc(1, sizeof(*delivery));

		/* What was not taken is free again when its lease ends. */
		if (!delivery || !read_delivery((struct cv_row){result, i}, delivery))
			return cv_fail(err, CV_E_MEMORY, "a delivery cannot be read");
		sink(context, CV_TAKE(delivery));
	}
	return true;
}

bool
cv_outbox_settle(struct cv_connection *connection, const struct cv_delivery *delivery,
    const struct cv_delivery_outcome *outcome, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, delivery->event.factory);
	cv_parameter_text(&parameters, delivery->event.device);
	cv_parameter_number(&parameters, delivery->event.number);
	cv_parameter_text(&parameters, delivery->subscription);
	cv_parameter_number(&parameters, delivery->attempt);
	cv_parameter_text(&parameters, cv_delivery_state_name(outcome->state));
	cv_parameter_number(&parameters, outcome->retry_ms);
	cv_parameter_text(&parameters, outcome->error);
	return cv_execute(connection, CV_SQL(outbox_settle), &parameters, NULL, err) ||
	       cv_error_context(err, "delivery to %s", delivery->label);
}

bool
cv_outbox_count(struct cv_connection *connection, int64_t *ret_pending, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(outbox_count), NULL, &result, err))
		return cv_error_context(err, "counting deliveries");
	*ret_pending = cv_row_number((struct cv_row){result, 0}, 0);
	return true;
}

bool
cv_outbox_trim(struct cv_connection *connection, int64_t keep_seconds, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_number(&parameters, keep_seconds);
	return (cv_execute(connection, CV_SQL(outbox_trim), &parameters, NULL, err) &&
		   cv_execute(connection, CV_SQL(outbox_forget), &parameters, NULL, err)) ||
	       cv_error_context(err, "trimming the outbox");
}

/* ---- the key that signs ---- */

void
cv_event_key_deinit(struct cv_event_key *key)
{
	cv_buffer_deinit(&key->certificate);
	cv_buffer_deinit(&key->sealed);
}

bool
cv_outbox_current_key(struct cv_connection *connection, bool *ret_exists,
    struct cv_event_key *ret_key, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	if (!cv_execute(connection, CV_SQL(event_key_current), NULL, &result, err))
		return cv_error_context(err, "key for event queues");
	*ret_exists = PQntuples(result) == 1;
	if (!*ret_exists)
		return true;
	row = (struct cv_row){result, 0};
	cv_text_copy(ret_key->kid, sizeof(ret_key->kid), cv_row_text(row, 0));
	cv_buffer_append_text(&ret_key->sealed, cv_row_text(row, 2));
	return (cv_row_bytes(row, 1, &ret_key->certificate) && !ret_key->sealed.has_failed) ||
	       cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_outbox_insert_key(
    struct cv_connection *connection, const struct cv_event_key *key, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, key->kid);
	cv_parameter_bytes(&parameters, cv_buffer_bytes(&key->certificate));
	cv_parameter_text(&parameters, cv_buffer_text(&key->sealed));
	return cv_execute(connection, CV_SQL(event_key_insert), &parameters, NULL, err) ||
	       cv_error_context(err, "key for event queues");
}

bool
cv_outbox_published_keys(
    struct cv_connection *connection, cv_event_key_sink *sink, void *context, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(event_keys_published), NULL, &result, err))
		return cv_error_context(err, "keys for event queues");
	for (int i = 0; i < PQntuples(result); i++) {
		struct cv_row row = {result, i};
		CV_AUTO_BUFFER struct cv_buffer certificate = CV_BUFFER_INIT;

		if (!cv_row_bytes(row, 1, &certificate))
			return cv_fail(err, CV_E_MEMORY, "out of memory");
		sink(context, cv_row_text(row, 0), cv_buffer_bytes(&certificate));
	}
	return true;
}

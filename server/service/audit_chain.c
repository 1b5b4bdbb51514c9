#include "cv/service/audit_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cv/pki/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/text.h"

#define CHAIN_ROWS 500
#define VERIFY_ROWS 1000
#define NO_TEXT UINT32_MAX

static void
append_number(struct cv_buffer *message, uint64_t number, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		cv_buffer_append_byte(message, (uint8_t)(number >> (8 * (i - 1))));
}

static void
append_text(struct cv_buffer *message, const char *text)
{
	append_number(message, text == NULL ? NO_TEXT : strlen(text), 4);
	if (text != NULL)
		cv_buffer_append_text(message, text);
}

void
cv_audit_chain_hash(const struct cv_digest *before, int64_t position,
    const struct cv_audit_row *row, struct cv_digest *ret_hash)
{
	CV_AUTO_BUFFER struct cv_buffer message = CV_BUFFER_INIT;

	cv_buffer_append(&message, before->bytes, sizeof(before->bytes));
	append_number(&message, (uint64_t)position, 8);
	append_number(&message, (uint64_t)row->at_us, 8);
	append_text(&message, row->id);
	for (size_t i = 0; i < CV_AUDIT_TEXTS; i++)
		append_text(&message, row->texts[i]);
	cv_digest_sha256(cv_buffer_bytes(&message), ret_hash);
}

/* ---- chaining ---- */

struct chaining {
	struct cv_audit_link head;
	size_t count;
	struct cv_audit_place places[CHAIN_ROWS];
};

static bool
add_link(void *context, const struct cv_audit_row *row, struct cv_error *err)
{
	struct chaining *chaining = context;
	struct cv_audit_place *place = &chaining->places[chaining->count];
	struct cv_audit_link *link = &place->link;

	(void)err;
	link->position = chaining->head.position + 1;
	cv_audit_chain_hash(&chaining->head.hash, link->position, row, &link->hash);
	(void)cv_text_copy(place->id, sizeof(place->id), row->id);
	chaining->head = *link;
	chaining->count++;
	return true;
}

bool
cv_audit_chain(struct cv_connection *connection, size_t *ret_chained,
    struct cv_audit_link *ret_head, struct cv_error *err)
{
	CV_AUTO_MEMORY struct chaining *chaining = malloc(sizeof(*chaining));
	bool is_mine = false;

	*ret_chained = 0;
	if (!chaining)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	chaining->count = 0;
	if (!cv_audit_store_begin(connection, &is_mine, &chaining->head, err))
		return false;
	if (!is_mine)
		return true;
	bool is_good = cv_audit_store_unchained(connection, CHAIN_ROWS, add_link, chaining, err) &&
		       (chaining->count == 0 || cv_audit_store_commit(connection, chaining->places,
						    chaining->count, err));
	if (!is_good || chaining->count == 0) {
		cv_audit_store_rollback(connection);
		return is_good;
	}
	*ret_chained = chaining->count;
	*ret_head = chaining->head;
	return true;
}

/* ---- verifying ---- */

struct verification {
	struct cv_audit_report *report;
	const struct cv_audit_link *expected;
	bool has_expected;
};

static void
complain(struct cv_audit_report *report, const struct cv_audit_row *row, const char *problem)
{
	char at[32];

	cv_text_format_time_ms(row->at_us / 1000, at, sizeof(at));
	(void)snprintf(report->problem, sizeof(report->problem), "row %" PRId64 " (id %s, %s): %s",
	    row->link.position, row->id, at, problem);
}

static bool
check_row(void *context, const struct cv_audit_row *row, struct cv_error *err)
{
	struct verification *verification = context;
	struct cv_audit_report *report = verification->report;
	struct cv_digest hash;

	(void)err;
	if (report->problem[0] != '\0')
		return true;
	if (row->link.position != report->head.position + 1) {
		complain(report, row, "rows before it are missing");
		return true;
	}
	cv_audit_chain_hash(&report->head.hash, row->link.position, row, &hash);
	if (!cv_digest_equal(&hash, &row->link.hash)) {
		complain(report, row,
		    "its hash does not fit: it, its place or the row before it was changed");
		return true;
	}
	report->head = row->link;
	report->rows++;
	if (verification->expected && verification->expected->position == row->link.position)
		verification->has_expected =
		    cv_digest_equal(&verification->expected->hash, &row->link.hash);
	return true;
}

static bool
walk(struct cv_connection *connection, struct verification *verification, struct cv_error *err)
{
	struct cv_audit_report *report = verification->report;
	size_t rows = VERIFY_ROWS;

	while (rows == VERIFY_ROWS && report->problem[0] == '\0') {
		if (!cv_audit_store_chained(connection, report->head.position, VERIFY_ROWS,
			check_row, verification, &rows, err))
			return false;
	}
	return true;
}

/* What a walk cannot see: rows cut off at the end, with the note of the end or without, and rows
 * that nobody chains: first those that a server cures, as the others stay until somebody acts. */
static void
check_end(const struct verification *verification, const struct cv_audit_link *end)
{
	struct cv_audit_report *report = verification->report;
	const struct cv_audit_link *expected = verification->expected;

	if (report->problem[0] != '\0')
		return;
	if (end->position > report->head.position)
		(void)snprintf(report->problem, sizeof(report->problem),
		    "rows %" PRId64 " to %" PRId64 " are missing at the end",
		    report->head.position + 1, end->position);
	else if (end->position < report->head.position ||
		 !cv_digest_equal(&end->hash, &report->head.hash))
		(void)snprintf(report->problem, sizeof(report->problem),
		    "the chain goes to row %" PRId64 ", its noted end is another",
		    report->head.position);
	else if (expected && expected->position > 0 && !verification->has_expected)
		(void)snprintf(report->problem, sizeof(report->problem),
		    "row %" PRId64 " with the expected hash is not in the chain: it was cut off "
		    "or made anew",
		    expected->position);
	else if (report->outside.late > 0)
		(void)snprintf(report->problem, sizeof(report->problem),
		    "%" PRId64 " rows older than a minute are not in the chain: no server runs, or "
		    "none keeps up with them (audit-chain-failed in its log)",
		    report->outside.late);
	else if (report->outside.misplaced > 0)
		(void)snprintf(report->problem, sizeof(report->problem),
		    "%" PRId64
		    " rows stand outside the chain: before its first place, dated in the "
		    "future, or at no time at all",
		    report->outside.misplaced);
}

bool
cv_audit_verify(struct cv_connection *connection, const struct cv_audit_link *expected,
    struct cv_audit_report *ret_report, struct cv_error *err)
{
	struct verification verification = {.report = ret_report, .expected = expected};
	struct cv_audit_link end;

	memset(ret_report, 0, sizeof(*ret_report));
	bool is_good = cv_audit_store_begin_reading(connection, err) &&
		       cv_audit_store_head(connection, &end, &ret_report->outside, err) &&
		       walk(connection, &verification, err);
	cv_audit_store_rollback(connection);
	if (!is_good)
		return cv_error_context(err, "verifying the audit trail");
	check_end(&verification, &end);
	ret_report->is_good = ret_report->problem[0] == '\0';
	return true;
}

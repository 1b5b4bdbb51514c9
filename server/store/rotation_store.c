#include "cv/store/rotation_store.h"

#include "database_internal.h"

/* Columns of rotation_due.sql. */
static struct cv_rotation_candidate
read_candidate(struct cv_row row)
{
	return (struct cv_rotation_candidate){
	    .factory = cv_row_text(row, 0),
	    .group = cv_row_text(row, 1),
	    .device = cv_row_text(row, 2),
	    .per_hour = cv_row_number(row, 3),
	    .files = cv_row_text(row, 4),
	    .summary = cv_row_text(row, 5),
	    .rotation_id = cv_row_text(row, 6),
	    .reason = cv_row_text(row, 7),
	    .actor = cv_row_text(row, 8),
	    .operator_name = cv_row_text(row, 9),
	};
}

bool
cv_rotation_due(struct cv_connection *connection, size_t limit, cv_rotation_sink *sink,
    void *context, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_number(&parameters, (int64_t)limit);
	if (!cv_execute(connection, CV_SQL(rotation_due), &parameters, &result, err))
		return cv_error_context(err, "reading rotation groups");
	for (int i = 0; i < PQntuples(result); i++) {
		struct cv_rotation_candidate candidate = read_candidate((struct cv_row){result, i});

		if (!sink(context, &candidate, err))
			return false;
	}
	return true;
}

bool
cv_rotation_set_aside(struct cv_connection *connection,
    const struct cv_rotation_candidate *candidate, const char *note, int64_t retry_seconds,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, candidate->group);
	cv_parameter_text(&parameters, candidate->factory);
	cv_parameter_text(&parameters, candidate->device);
	cv_parameter_text(&parameters, note);
	if (retry_seconds < 0)
		cv_parameter_text(&parameters, NULL);
	else
		cv_parameter_number(&parameters, retry_seconds);
	return cv_execute(connection, CV_SQL(rotation_set_aside), &parameters, NULL, err) ||
	       cv_error_context(err, "setting device %s aside", candidate->device);
}

bool
cv_rotation_finish(struct cv_connection *connection,
    void (*on_done)(const char *factory, const char *group), struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(rotation_group_finish), NULL, &result, err))
		return cv_error_context(err, "finishing rotation groups");
	for (int i = 0; i < PQntuples(result); i++) {
		struct cv_row row = {result, i};

		on_done(cv_row_text(row, 0), cv_row_text(row, 1));
	}
	return true;
}

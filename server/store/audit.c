#include "audit_internal.h"

#include "cv/util/clock.h"
#include "cv/util/random.h"

bool
cv_audit_write(
    struct cv_connection *connection, const struct cv_audit_row *row, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_parameter_text(&parameters, id);
	cv_parameter_text(&parameters, row->actor);
	cv_parameter_text(&parameters, row->action);
	cv_parameter_text(&parameters, row->factory);
	cv_parameter_text(&parameters, row->reason);
	cv_parameter_text(&parameters, row->request_id);
	cv_parameter_text(&parameters, row->before_json);
	cv_parameter_text(&parameters, row->after_json);
	cv_parameter_bool(&parameters, row->is_of_object);
	return cv_execute(connection, CV_SQL(audit_insert), &parameters, NULL, err);
}

#include "ota_device_internal.h"

#include <string.h>

#include "cv/util/text.h"
#include "problem_internal.h"

bool
cv_ota_find_device(struct cv_request *request, const struct cv_operator_call *call,
    char ret_id[CV_DEVICE_ID_MAX + 1])
{
	const char *id = request->match.parameters[0];

	if (cv_party_set(&request->sight.party, call->factory, id, NULL))
		return cv_text_copy(ret_id, CV_DEVICE_ID_MAX + 1, id);
	cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	return false;
}

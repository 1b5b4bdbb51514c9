/* Layers of configuration in a device's change. */
#include "cv/util/clock.h"
#include "cv/util/random.h"

#include "device_change_internal.h"

static const char *
how_name(enum cv_layer_how how)
{
	switch (how) {
	case CV_LAYER_MERGE:
		return "merge";
	case CV_LAYER_REPLACE:
		return "replace";
	case CV_LAYER_REMOVE:
		return "remove";
	}
	return "merge";
}

void
cv_layer_parameters(struct cv_parameters *parameters, const struct cv_layer_write *write)
{
	cv_parameter_text(parameters, write->reason);
	cv_parameter_text(parameters, how_name(write->how));
	cv_parameter_text(parameters, write->files);
}

void
cv_device_change_write_layer(struct cv_device_change *change, const struct cv_layer_write *write)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, write->created_by);
	cv_parameter_bool(&parameters, write->is_by_device);
	cv_layer_parameters(&parameters, write);
	cv_device_change_edit(change, CV_SQL(device_configuration_write), &parameters);
}

void
cv_device_change_stage_layer(struct cv_device_change *change, const struct cv_digest *key,
    const struct cv_layer_write *write)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, change->party.slot);
	cv_parameter_digest(&parameters, key);
	cv_parameter_text(&parameters, write->reason);
	cv_parameter_text(&parameters, write->files);
	cv_device_change_edit(change, CV_SQL(device_stage_write), &parameters);
}

void
cv_device_change_merge_stages(struct cv_device_change *change, const struct cv_layer_write *write)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, write->files);
	cv_device_change_edit(change, CV_SQL(device_stage_merge), &parameters);
}

void
cv_device_change_promote_stage(struct cv_device_change *change, const struct cv_digest *key)
{
	struct cv_parameters parameters = {0};
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, change->party.slot);
	cv_parameter_digest(&parameters, key);
	cv_parameter_text(&parameters, id);
	cv_device_change_edit(change, CV_SQL(device_stage_promote), &parameters);
}

void
cv_device_change_take_turn(
    struct cv_device_change *change, const char *group, const char *rotation_id, int64_t next_ms)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, group);
	cv_parameter_text(&parameters, change->party.factory);
	cv_parameter_text(&parameters, change->party.device);
	cv_parameter_text(&parameters, rotation_id);
	cv_parameter_number(&parameters, next_ms);
	cv_device_change_edit(change, CV_SQL(rotation_told), &parameters);
}

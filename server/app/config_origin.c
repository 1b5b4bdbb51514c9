#include <inttypes.h>

#include "config_internal.h"

bool
cv_setting_is_default(const struct cv_config *config, const struct cv_setting *setting)
{
	const struct cv_setting_origin *origin = &config->origins[cv_setting_position(setting)];

	return origin->line == 0 && !origin->is_environment && !origin->is_credential;
}

void
cv_config_append_origin(
    const struct cv_config *config, const struct cv_setting *setting, struct cv_buffer *text)
{
	const struct cv_setting_origin *origin = &config->origins[cv_setting_position(setting)];
	char variable[CV_CONFIG_VARIABLE_SIZE];

	if (origin->is_environment) {
		cv_setting_variable(setting, origin->is_file ? "_FILE" : "", variable);
		cv_buffer_append_text(text, variable);
	} else if (origin->is_credential) {
		cv_buffer_printf(text, "credential %s.%s", setting->section, setting->key);
	} else if (origin->line > 0) {
		cv_buffer_printf(text, "%s:%d", config->path, origin->line);
	} else {
		cv_buffer_append_text(text, "default");
	}
}

void
cv_config_append_value(
    struct cv_config *config, const struct cv_setting *setting, struct cv_buffer *text)
{
	if (setting->type == CV_SETTING_LEVEL)
		cv_buffer_append_text(text,
		    cv_log_level_name((enum cv_log_level) * cv_setting_number(setting, config)));
	else if (!cv_setting_is_text(setting))
		cv_buffer_printf(text, "%" PRId64, *cv_setting_number(setting, config));
	else if (!setting->is_secret)
		cv_buffer_append_text(text, *cv_setting_text(setting, config));
	else if ((*cv_setting_text(setting, config))[0] != '\0')
		cv_buffer_append_text(text, "(secret)");
}

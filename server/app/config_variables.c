#include <string.h>

#include "config_internal.h"
#include "cv/app/config.h"
#include "cv/util/text.h"

#define LABELS "CERTVENDOR_EST_"

/* CERTVENDOR_<SECTION>_ */
static bool
is_of_section(const char *name, const struct cv_setting *setting)
{
	char variable[CV_CONFIG_VARIABLE_SIZE];

	cv_setting_variable(setting, "", variable);
	return strncmp(name, variable, strlen(variable) - strlen(setting->key)) == 0;
}

static bool
is_variable_of(const char *name, const struct cv_setting *setting)
{
	char variable[CV_CONFIG_VARIABLE_SIZE], variable_of_file[CV_CONFIG_VARIABLE_SIZE];

	cv_setting_variable(setting, "", variable);
	cv_setting_variable(setting, "_FILE", variable_of_file);
	return strcmp(name, variable) == 0 ||
	       (setting->is_secret && strcmp(name, variable_of_file) == 0);
}

/* Kubernetes sets these for its service "certvendor-device" and the like. */
static bool
is_of_kubernetes(const char *name)
{
	return strstr(name, "_PORT") != NULL || strstr(name, "_SERVICE_") != NULL;
}

bool
cv_config_is_unknown_variable(const char *name)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);
	bool is_section = cv_text_has_prefix(name, LABELS);

	for (size_t i = 0; i < count; i++) {
		if (is_variable_of(name, &settings[i]))
			return false;
		is_section = is_section || is_of_section(name, &settings[i]);
	}
	return is_section && !is_of_kubernetes(name);
}

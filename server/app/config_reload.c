#include <string.h>

#include "config_internal.h"

/* A secret that was wiped after its use can be compared with nothing. */
static bool
differs(const struct cv_setting *setting, struct cv_config *config, struct cv_config *fresh)
{
	if (!cv_setting_is_text(setting))
		return *cv_setting_number(setting, config) != *cv_setting_number(setting, fresh);
	const char *text = *cv_setting_text(setting, config);
	if (setting->is_secret && text[0] == '\0')
		return false;
	return strcmp(text, *cv_setting_text(setting, fresh)) != 0;
}

static void
swap(const struct cv_setting *setting, struct cv_config *config, struct cv_config *fresh)
{
	if (cv_setting_is_text(setting)) {
		char *text = *cv_setting_text(setting, config);
		*cv_setting_text(setting, config) = *cv_setting_text(setting, fresh);
		*cv_setting_text(setting, fresh) = text;
	} else {
		int64_t number = *cv_setting_number(setting, config);
		*cv_setting_number(setting, config) = *cv_setting_number(setting, fresh);
		*cv_setting_number(setting, fresh) = number;
	}
}

/* What a label asks of devices does not change under a request: all of them wait for a restart. */
static const struct cv_setting labels = {.section = "est", .key = "*"};

static bool
labels_differ(const struct cv_config *config, const struct cv_config *fresh)
{
	return config->label_count != fresh->label_count ||
	       memcmp(config->labels, fresh->labels, sizeof(config->labels)) != 0;
}

void
cv_config_take_live(struct cv_config *config, struct cv_config *fresh,
    void (*tell)(const struct cv_setting *setting))
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (!differs(&settings[i], config, fresh))
			continue;
		if (settings[i].is_live)
			swap(&settings[i], config, fresh);
		tell(&settings[i]);
	}
	if (labels_differ(config, fresh))
		tell(&labels);
}

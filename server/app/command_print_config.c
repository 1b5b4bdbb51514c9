#include <stdio.h>

#include "command_internal.h"
#include "cv/util/text.h"

static void
append_setting(struct cv_config *config, const struct cv_setting *setting, struct cv_buffer *text)
{
	/* What is masked must not become the value when the output is used as a file. */
	cv_buffer_printf(text, "%s%s = ", setting->is_secret ? "#" : "", setting->key);
	cv_config_append_value(config, setting, text);
	cv_buffer_append_text(text, " ; ");
	cv_config_append_origin(config, setting, text);
	cv_buffer_append_text(text, setting->is_live ? "\n" : " (needs a restart)\n");
}

static void
append_settings(struct cv_config *config, struct cv_buffer *text)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !cv_text_equal(settings[i].section, settings[i - 1].section))
			cv_buffer_printf(text, "%s[%s]\n", i == 0 ? "" : "\n", settings[i].section);
		append_setting(config, &settings[i], text);
	}
}

int
cv_command_print_config(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	int end;

	if (!cv_command_parse(line, argc, argv,
		"Prints every setting as it is in force, and where it came from; secrets are "
		"masked.",
		&end) ||
	    !cv_command_load(line, CV_CONFIG_VALUES, &config, &end))
		return end;
	append_settings(config, &text);
	cv_config_append_labels(config, &text);
	(void)fputs(cv_buffer_text(&text), stdout);
	return CV_EXIT_OK;
}

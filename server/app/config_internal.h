/* What the parts of the settings loader share: where values came from, and the list of problems. */
#ifndef CV_APP_CONFIG_INTERNAL_H
#define CV_APP_CONFIG_INTERNAL_H

#include "cv/app/config.h"

#define CV_CONFIG_SETTINGS_MAX 64
#define CV_CONFIG_LINE_MAX 4096
#define CV_CONFIG_SECRET_MAX 4096

/* Where a value came from, for the line that says what is wrong with it. */
struct cv_setting_origin {
	int line; /* in the file; 0: not from the file */
	bool is_environment;
	bool is_file; /* the value names a file that holds the secret */
};

struct cv_config_loader {
	const char *path;
	struct cv_config *config;
	struct cv_setting_origin origins[CV_CONFIG_SETTINGS_MAX];
	int line; /* being read */
	struct cv_buffer *problems;
	size_t problem_count;
	bool is_out_of_memory;
};

/* Adds a line about a setting. */
void cv_config_complain(struct cv_config_loader *loader, const struct cv_setting *setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The members of the settings table as text and number. */
char **cv_setting_text(const struct cv_setting *setting, struct cv_config *config);
int64_t *cv_setting_number(const struct cv_setting *setting, struct cv_config *config);

/* Files that must be there, and values that must fit together. */
void cv_config_check_service(struct cv_config_loader *loader);

#endif

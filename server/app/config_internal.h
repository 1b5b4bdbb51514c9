/* What the parts of the settings loader share: the settings in the making and the list of problems.
 */
#ifndef CV_APP_CONFIG_INTERNAL_H
#define CV_APP_CONFIG_INTERNAL_H

#include "cv/app/config.h"

#define CV_CONFIG_LINE_MAX 4096
#define CV_CONFIG_SECRET_MAX 4096
#define CV_CONFIG_PEM_MAX 262144

struct cv_config_loader {
	const char *path;
	struct cv_config *config;
	int line; /* being read */
	struct cv_buffer *problems;
	size_t problem_count;
	bool is_out_of_memory;
};

/* Sections of EST labels: [est] and [est.<label>]. */
bool cv_config_is_label(const char *section);
/* What is wrong with the line; NULL: nothing. */
const char *cv_config_take_label(
    struct cv_config_loader *loader, const char *section, const char *key, const char *value);
void cv_config_default_label(struct cv_config_loader *loader);
void cv_config_complete_labels(struct cv_config_loader *loader);

/* Adds a line about a setting. */
void cv_config_complain(struct cv_config_loader *loader, const struct cv_setting *setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* CERTVENDOR_<SECTION>_<KEY><suffix> */
#define CV_CONFIG_VARIABLE_SIZE 96
void cv_setting_variable(
    const struct cv_setting *setting, const char *suffix, char ret_name[CV_CONFIG_VARIABLE_SIZE]);

/* The place of a setting in the table. */
size_t cv_setting_position(const struct cv_setting *setting);
/* Nobody has set it. */
bool cv_setting_is_default(const struct cv_config *config, const struct cv_setting *setting);
/* The members of the settings table as text and number. */
bool cv_setting_is_text(const struct cv_setting *setting);
char **cv_setting_text(const struct cv_setting *setting, struct cv_config *config);
int64_t *cv_setting_number(const struct cv_setting *setting, struct cv_config *config);

/* Files that must be there, and values that must fit together. */
void cv_config_check_service(struct cv_config_loader *loader);
/* Files that the service reads by itself, and again while it runs. */
void cv_config_check_files(struct cv_config_loader *loader);

#endif

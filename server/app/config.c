#include "cv/app/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_internal.h"
#include "cv/util/address.h"
#include "cv/model/source.h"
#include "cv/util/file.h"
#include "cv/util/text.h"

char **
cv_setting_text(const struct cv_setting *setting, struct cv_config *config)
{
	return (char **)(void *)((char *)config + setting->offset);
}

int64_t *
cv_setting_number(const struct cv_setting *setting, struct cv_config *config)
{
	return (int64_t *)(void *)((char *)config + setting->offset);
}

bool
cv_setting_is_text(const struct cv_setting *setting)
{
	return setting->type != CV_SETTING_NUMBER && setting->type != CV_SETTING_LEVEL;
}

size_t
cv_setting_position(const struct cv_setting *setting)
{
	size_t count;

	return (size_t)(setting - cv_config_settings(&count));
}

void
cv_setting_variable(
    const struct cv_setting *setting, const char *suffix, char ret_name[CV_CONFIG_VARIABLE_SIZE])
{
	(void)snprintf(ret_name, CV_CONFIG_VARIABLE_SIZE, "CERTVENDOR_%s_%s%s", setting->section,
	    setting->key, suffix);
	for (char *at = ret_name; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
}

void
cv_config_complain(
    struct cv_config_loader *loader, const struct cv_setting *setting, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);

	if (cv_setting_is_default(loader->config, setting))
		cv_buffer_append_text(loader->problems, loader->path);
	else
		cv_config_append_origin(loader->config, setting, loader->problems);
	cv_buffer_printf(loader->problems, ": [%s] %s: %s\n", setting->section, setting->key, text);
	loader->problem_count++;
}

/* A problem of the line that is being read, before it is known to be a setting. */
static void
complain_line(struct cv_config_loader *loader, int line, const char *section, const char *key,
    const char *problem)
{
	cv_buffer_printf(loader->problems, "%s:%d: ", loader->path, line);
	if (section != NULL)
		cv_buffer_printf(loader->problems, "[%s] %s: ", section, key);
	cv_buffer_printf(loader->problems, "%s\n", problem);
	loader->problem_count++;
}

static void
set_text(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	char **member = cv_setting_text(setting, loader->config);
	char *copy = strdup(value);

	if (copy == NULL) {
		loader->is_out_of_memory = true;
		return;
	}
	if (*member != NULL)
		cv_wipe(*member, strlen(*member));
	free(*member);
	*member = copy;
}

static void
set_number(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	uint64_t number;

	if (!cv_text_parse_unsigned(value, INT64_MAX, &number)) {
		cv_config_complain(loader, setting, "\"%s\" is not a whole number", value);
		return;
	}
	if ((int64_t)number < setting->min || (int64_t)number > setting->max) {
		cv_config_complain(loader, setting, "%s is not between %lld and %lld %s", value,
		    (long long)setting->min, (long long)setting->max, setting->unit);
		return;
	}
	*cv_setting_number(setting, loader->config) = (int64_t)number;
}

static void
set_level(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	enum cv_log_level level;

	if (!cv_log_parse_level(value, &level))
		cv_config_complain(
		    loader, setting, "\"%s\" is not debug, info, warning or error", value);
	else
		*cv_setting_number(setting, loader->config) = level;
}

static void
set_address(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	struct cv_address address;
	struct cv_error err = CV_ERROR_INIT;

	if (value[0] != '\0' && !cv_address_parse(value, &address, &err))
		cv_config_complain(loader, setting,
		    "\"%s\" is not host:port, [IPv6 address]:port or :port", value);
	else
		set_text(loader, setting, value);
}

/* Relative names in the file mean beside the file; in the environment, the working folder. */
static void
set_path(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	char joined[PATH_MAX];
	const char *slash = strrchr(loader->path, '/');
	bool is_beside =
	    loader->config->origins[cv_setting_position(setting)].line > 0 && slash != NULL;

	if (value[0] == '\0' || value[0] == '/' || !is_beside) {
		set_text(loader, setting, value);
		return;
	}
	int len = snprintf(
	    joined, sizeof(joined), "%.*s%s", (int)(slash - loader->path + 1), loader->path, value);
	if (len < 0 || (size_t)len >= sizeof(joined))
		cv_config_complain(loader, setting, "path too long");
	else
		set_text(loader, setting, joined);
}

static void
set_sources(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	struct cv_sources sources;

	if (!cv_sources_parse(value, &sources))
		cv_config_complain(
		    loader, setting, "\"%s\" is not a list of some of " CV_SOURCE_WORDS, value);
	else
		set_text(loader, setting, value);
}

static void
set_value(struct cv_config_loader *loader, const struct cv_setting *setting, const char *value)
{
	switch (setting->type) {
	case CV_SETTING_TEXT:
		set_text(loader, setting, value);
		return;
	case CV_SETTING_NUMBER:
		set_number(loader, setting, value);
		return;
	case CV_SETTING_PATH:
	case CV_SETTING_PKI_FILE:
		set_path(loader, setting, value);
		return;
	case CV_SETTING_ADDRESS:
		set_address(loader, setting, value);
		return;
	case CV_SETTING_SOURCES:
		set_sources(loader, setting, value);
		return;
	case CV_SETTING_LEVEL:
		set_level(loader, setting, value);
		return;
	}
}

/* A secret is the content of its file without the line end. */
static void
set_from_file(struct cv_config_loader *loader, const struct cv_setting *setting, const char *path)
{
	CV_AUTO_BUFFER struct cv_buffer content = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_file_read(path, CV_CONFIG_SECRET_MAX, &content, &err)) {
		cv_config_complain(loader, setting, "%s: %s", err.text, err.cause);
		return;
	}
	while (content.len > 0 &&
	       (content.data[content.len - 1] == '\n' || content.data[content.len - 1] == '\r'))
		content.data[--content.len] = '\0';
	if (content.len == 0 || memchr(content.data, '\0', content.len) != NULL)
		cv_config_complain(loader, setting, "%s is empty or not text", path);
	else
		set_text(loader, setting, cv_buffer_text(&content));
}

/* The file that holds a secret is found like any other path, then replaced by its content. */
static void
set_secret_file(struct cv_config_loader *loader, const struct cv_setting *setting, const char *path)
{
	size_t before = loader->problem_count;

	loader->config->origins[cv_setting_position(setting)].is_file = true;
	set_path(loader, setting, path);
	if (loader->problem_count > before || loader->is_out_of_memory)
		return;
	CV_AUTO_MEMORY char *found = CV_TAKE(*cv_setting_text(setting, loader->config));
	set_text(loader, setting, "");
	set_from_file(loader, setting, found);
}

/* ret_is_file: the key was <key>_file of a secret. */
static const struct cv_setting *
find_setting(const char *section, const char *key, bool *ret_is_file)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(settings[i].key);
		if (strcmp(settings[i].section, section) != 0 ||
		    strncmp(settings[i].key, key, len) != 0)
			continue;
		*ret_is_file = settings[i].is_secret && strcmp(key + len, "_file") == 0;
		if (key[len] == '\0' || *ret_is_file)
			return &settings[i];
	}
	return NULL;
}

static int
take_line(void *user, const char *section, const char *key, const char *value)
{
	struct cv_config_loader *loader = user;
	bool is_file = false;

	if (cv_config_is_label(section)) {
		const char *problem = cv_config_take_label(loader, section, key, value);
		if (problem != NULL)
			complain_line(loader, loader->line, section, key, problem);
		return 1;
	}
	const struct cv_setting *setting = find_setting(section, key, &is_file);
	if (setting == NULL) {
		complain_line(loader, loader->line, section, key, "no such setting");
		return 1;
	}
	struct cv_setting_origin *origin = &loader->config->origins[cv_setting_position(setting)];
	if (origin->line > 0) {
		complain_line(loader, loader->line, section, key, "set twice");
		return 1;
	}
	origin->line = loader->line;
	if (is_file)
		set_secret_file(loader, setting, value);
	else
		set_value(loader, setting, value);
	return 1;
}

struct line_source {
	FILE *file;
	struct cv_config_loader *loader;
};

/* libinih does not tell its callers the line: count what it reads. */
static char *
read_line(char *ret_line, int size, void *stream)
{
	struct line_source *source = stream;

	if (fgets(ret_line, size, source->file) == NULL)
		return NULL;
	source->loader->line++;
	if (strchr(ret_line, '\n') != NULL || feof(source->file))
		return ret_line;
	complain_line(source->loader, source->loader->line, NULL, NULL, "line too long");
	for (int byte = 0; byte != '\n' && byte != EOF;)
		byte = fgetc(source->file);
	ret_line[0] = '\0';
	return ret_line;
}

static bool
read_file(struct cv_config_loader *loader, bool is_optional, struct cv_error *err)
{
	struct line_source source = {.loader = loader};

	if (is_optional && access(loader->path, F_OK) != 0 && errno == ENOENT)
		return true;
	CV_AUTO_DESCRIPTOR int descriptor = -1;
	if (!cv_file_open(loader->path, &descriptor, err))
		return false;
	source.file = fdopen(descriptor, "r");
	if (source.file == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory to read %s", loader->path);
	descriptor = -1; /* the stream's */
	/* An indented line is a setting like any other, and a line may hold a long connection
	 * string. */
	ini_allow_multiline = false;
	ini_use_stack = false;
	ini_max_line = CV_CONFIG_LINE_MAX;
	ini_initial_alloc = CV_CONFIG_LINE_MAX;
	int line = ini_parse_stream(read_line, &source, take_line, loader);
	bool was_read = !ferror(source.file);
	(void)fclose(source.file);
	if (!was_read)
		return cv_fail(err, CV_E_IO, "reading %s failed", loader->path);
	if (line < 0)
		loader->is_out_of_memory = true;
	else if (line > 0)
		complain_line(loader, line, NULL, NULL, "neither [section] nor key = value");
	return true;
}

static void
read_variable(struct cv_config_loader *loader, const struct cv_setting *setting)
{
	char name[CV_CONFIG_VARIABLE_SIZE], name_of_file[CV_CONFIG_VARIABLE_SIZE];

	cv_setting_variable(setting, "", name);
	cv_setting_variable(setting, "_FILE", name_of_file);
	const char *value = getenv(name);
	const char *file = setting->is_secret ? getenv(name_of_file) : NULL;
	if (value == NULL && file == NULL)
		return;
	loader->config->origins[cv_setting_position(setting)] =
	    (struct cv_setting_origin){.is_environment = true};
	if (value != NULL && file != NULL)
		cv_config_complain(loader, setting, "%s is set too; set one of them", name_of_file);
	else if (file != NULL)
		set_secret_file(loader, setting, file);
	else
		set_value(loader, setting, value);
}

static void
set_defaults(struct cv_config_loader *loader)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++)
		set_value(loader, &settings[i], settings[i].fallback);
}

/* systemd.exec(5), LoadCredential=: <section>.<key> for what nobody has set. */
static void
read_credential(
    struct cv_config_loader *loader, const char *folder, const struct cv_setting *setting)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s.%s", folder, setting->section, setting->key);

	if (len < 0 || (size_t)len >= sizeof(path) || !cv_file_exists(path))
		return;
	loader->config->origins[cv_setting_position(setting)].is_credential = true;
	if (setting->is_secret)
		set_from_file(loader, setting, path);
	else
		set_text(loader, setting, path);
}

static void
read_credentials(struct cv_config_loader *loader)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	for (size_t i = 0; folder != NULL && i < count; i++) {
		bool is_kind = settings[i].is_secret || settings[i].type == CV_SETTING_PKI_FILE;
		if (is_kind && cv_setting_is_default(loader->config, &settings[i]))
			read_credential(loader, folder, &settings[i]);
	}
}

/* Defaults that depend on another setting: files in the folder of the PKI. */
static void
complete(struct cv_config_loader *loader)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);
	char path[PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		if (settings[i].type != CV_SETTING_PKI_FILE ||
		    !cv_setting_is_default(loader->config, &settings[i]))
			continue;
		int len = snprintf(path, sizeof(path), "%s/%s", loader->config->signer_directory,
		    settings[i].fallback);
		if (len > 0 && (size_t)len < sizeof(path))
			set_text(loader, &settings[i], path);
	}
	if (loader->config->signer_passphrase[0] != '\0')
		return;
	bool is_file;
	int len =
	    snprintf(path, sizeof(path), "%s/signer.passphrase", loader->config->signer_directory);
	if (len > 0 && (size_t)len < sizeof(path) && cv_file_exists(path))
		set_from_file(loader, find_setting("signer", "passphrase", &is_file), path);
}

static void
read_environment(struct cv_config_loader *loader)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++)
		read_variable(loader, &settings[i]);
}

bool
cv_config_load(const char *path, bool is_optional, enum cv_config_scope scope,
    struct cv_config **ret_config, struct cv_buffer *problems, struct cv_error *err)
{
	CV_AUTO(cv_config) struct cv_config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the settings");
	config->path = strdup(path);
	config->is_optional = is_optional;
	if (config->path == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the settings");
	struct cv_config_loader loader = {.path = path, .config = config, .problems = problems};
	set_defaults(&loader);
	cv_config_default_label(&loader);
	if (loader.is_out_of_memory)
		return cv_fail(err, CV_E_MEMORY, "no memory for the settings");
	if (!read_file(&loader, is_optional, err))
		return false;
	read_environment(&loader);
	read_credentials(&loader);
	cv_config_complete_labels(&loader);
	if (!loader.is_out_of_memory)
		complete(&loader);
	if (!loader.is_out_of_memory && scope != CV_CONFIG_VALUES)
		cv_config_check_service(&loader);
	if (!loader.is_out_of_memory && scope == CV_CONFIG_FILES)
		cv_config_check_files(&loader);
	if (loader.is_out_of_memory)
		return cv_fail(err, CV_E_MEMORY, "no memory for the settings");
	if (loader.problem_count > 0)
		return cv_fail(err, CV_E_CONFIG, "%zu problem%s in the configuration",
		    loader.problem_count, loader.problem_count == 1 ? "" : "s");
	*ret_config = CV_TAKE(config);
	return true;
}

void
cv_config_free(struct cv_config *config)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	if (config == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!cv_setting_is_text(&settings[i]))
			continue;
		char *text = *cv_setting_text(&settings[i], config);
		if (text != NULL)
			cv_wipe(text, strlen(text));
		free(text);
	}
	free(config->path);
	free(config);
}

/*
 * The settings file: either settings within their bounds, which written down again load as they
 * were, or problems that each name the file, one a line.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "../../server/app/config_internal.h"
#include "cv/util/address.h"
#include "fuzz.h"

static bool
is_text(const struct cv_setting *setting)
{
	return setting->type != CV_SETTING_NUMBER && setting->type != CV_SETTING_LEVEL;
}

static char folder[128];
static char path[160];

static void
remove_folder(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

/* A file in memory, by a name beside which nothing lies that a setting could name. */
static int
open_file(void)
{
	const char *base = getenv("TMPDIR");
	char target[32];
	const int file = memfd_create("config", MFD_CLOEXEC);

	(void)snprintf(folder, sizeof(folder), "%s/config-XXXXXX", base == NULL ? "/tmp" : base);
	(void)snprintf(target, sizeof(target), "/proc/self/fd/%d", file);
	FUZZ_REQUIRE(file >= 0 && mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/config", folder);
	FUZZ_REQUIRE(symlink(target, path) == 0 && atexit(remove_folder) == 0);
	return file;
}

/* NULL when there were problems. */
static struct cv_config *
load(struct cv_bytes text, struct cv_buffer *problems)
{
	static int file = -1;
	struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (file < 0)
		file = open_file();
	FUZZ_REQUIRE(
	    ftruncate(file, 0) == 0 && pwrite(file, text.data, text.len, 0) == (ssize_t)text.len);
	if (cv_config_load(path, false, CV_CONFIG_VALUES, &config, problems, &err))
		return config;
	FUZZ_REQUIRE(err.code == CV_E_CONFIG && config == NULL);
	return NULL;
}

static void
check_problems(const struct cv_buffer *problems)
{
	FUZZ_REQUIRE(problems->len > 0 && problems->data[problems->len - 1] == '\n');
	FUZZ_REQUIRE(cv_buffer_text(problems)[0] == '/');
}

static void
check_value(const struct cv_setting *setting, struct cv_config *config)
{
	if (!is_text(setting)) {
		const int64_t number = *cv_setting_number(setting, config);
		FUZZ_REQUIRE(setting->type == CV_SETTING_LEVEL ||
			     (number >= setting->min && number <= setting->max));
		return;
	}
	const char *text = *cv_setting_text(setting, config);
	struct cv_address address;
	struct cv_error err = CV_ERROR_INIT;
	FUZZ_REQUIRE(text != NULL);
	if (setting->type == CV_SETTING_ADDRESS && text[0] != '\0')
		FUZZ_REQUIRE(cv_address_parse(text, &address, &err));
}

static void
append_setting(struct cv_buffer *text, const struct cv_setting *setting, struct cv_config *config)
{
	static const char *const levels[] = {
	    [CV_LOG_DEBUG] = "debug",
	    [CV_LOG_INFO] = "info",
	    [CV_LOG_WARNING] = "warning",
	    [CV_LOG_ERROR] = "error",
	};

	/* No blank: one before a semicolon would begin a comment. */
	cv_buffer_printf(text, "[%s]\n%s=", setting->section, setting->key);
	if (setting->type == CV_SETTING_LEVEL)
		cv_buffer_append_text(text, levels[*cv_setting_number(setting, config)]);
	else if (setting->type == CV_SETTING_NUMBER)
		cv_buffer_printf(text, "%lld", (long long)*cv_setting_number(setting, config));
	else
		cv_buffer_append_text(text, *cv_setting_text(setting, config));
	cv_buffer_append_byte(text, '\n');
}

static void
check_equal(const struct cv_setting *setting, struct cv_config *a, struct cv_config *b)
{
	if (is_text(setting))
		FUZZ_REQUIRE(
		    strcmp(*cv_setting_text(setting, a), *cv_setting_text(setting, b)) == 0);
	else
		FUZZ_REQUIRE(*cv_setting_number(setting, a) == *cv_setting_number(setting, b));
}

/* Only an absolute path means the same wherever it is written. */
static bool
is_written_as_it_is(const struct cv_setting *setting, struct cv_config *config)
{
	if (setting->type != CV_SETTING_PATH && setting->type != CV_SETTING_PKI_FILE)
		return true;
	const char *text = *cv_setting_text(setting, config);
	return text[0] == '/' || text[0] == '\0';
}

static void
check_round_trip(struct cv_config *config)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (!is_written_as_it_is(&settings[i], config))
			return;
		append_setting(&text, &settings[i], config);
	}
	CV_AUTO(cv_config) struct cv_config *again = load(cv_buffer_bytes(&text), &problems);
	/* Where a relative name became an absolute one, the line may now be too long. */
	if (again == NULL && strstr(cv_buffer_text(&problems), "line too long") != NULL)
		return;
	FUZZ_REQUIRE(again != NULL);
	for (size_t i = 0; i < count; i++)
		check_equal(&settings[i], config, again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	CV_AUTO(cv_config) struct cv_config *config = load(cv_bytes(data, size), &problems);
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	if (config == NULL) {
		check_problems(&problems);
		return 0;
	}
	FUZZ_REQUIRE(problems.len == 0);
	for (size_t i = 0; i < count; i++)
		check_value(&settings[i], config);
	check_round_trip(config);
	return 0;
}

#include "cv/codec/sota_toml.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"

/* ---- what a device may say ---- */

/* A bare or dotted key of TOML 1.0. */
static bool
is_word(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= CV_SOTA_WORD_MAX && text[0] != '.' && text[len - 1] != '.' &&
	       strstr(text, "..") == NULL &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		   len;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte == 0x7f)
			return true;
	}
	return false;
}

/* What stands between the quotes of a basic string. */
static bool
is_basic_inside(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			return false;
		if (text[i] != '\\')
			continue;
		i++;
		if (i == len || (text[i] != '"' && text[i] != '\\'))
			return false;
	}
	return true;
}

enum form { FORM_BAD, FORM_UNSET, FORM_QUOTED, FORM_PLAIN };

static enum form
form_of(const char *value)
{
	size_t len = strlen(value);

	if (len == 0)
		return FORM_UNSET;
	if (len > CV_SOTA_VALUE_MAX || has_control(value))
		return FORM_BAD;
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		return is_basic_inside(value + 1, len - 2) ? FORM_QUOTED : FORM_BAD;
	if (len >= 2 && value[0] == '\'' && value[len - 1] == '\'')
		return memchr(value + 1, '\'', len - 2) == NULL ? FORM_QUOTED : FORM_BAD;
	return strpbrk(value, "\"\\") == NULL ? FORM_PLAIN : FORM_BAD;
}

/* Is one the other, or a table around it? "a.b" is around "a.b.c". */
static bool
is_around(const char *outer, const char *inner)
{
	size_t len = strlen(outer);

	return strncmp(outer, inner, len) == 0 && (inner[len] == '\0' || inner[len] == '.');
}

#define PATH_SIZE (2 * CV_SOTA_WORD_MAX + 2)

static void
path_of(const struct cv_sota_override *override, char ret_path[PATH_SIZE])
{
	(void)snprintf(ret_path, PATH_SIZE, "%s.%s", override->section, override->key);
}

/* ---- the whole of it ---- */

#define DEFAULTS_MAX 20
#define ENTRIES_MAX (DEFAULTS_MAX + CV_SOTA_OVERRIDES_MAX)
#define TEXT_SIZE 512

/* Defaults first, then what the device adds. */
struct file {
	struct cv_sota_override entries[ENTRIES_MAX];
	size_t count;
	char texts[DEFAULTS_MAX][TEXT_SIZE];
	size_t text_count;
	bool is_cut;
};

static void
add_default(
    struct file *file, const char *section, const char *key, const char *value, const char *suffix)
{
	char *text = file->texts[file->text_count++];
	int len = snprintf(text, TEXT_SIZE, "%s%s", value, suffix);

	file->is_cut = file->is_cut || len < 0 || len >= TEXT_SIZE || form_of(text) == FORM_BAD;
	file->entries[file->count++] = (struct cv_sota_override){section, key, text};
}

static void
add_defaults(struct file *file, const struct cv_sota_terms *terms)
{
	const char *directory = terms->directory;

	add_default(file, "tls", "server", terms->gateway_url, "");
	add_default(file, "tls", "ca_source", "file", "");
	add_default(file, "tls", "pkey_source", "file", "");
	add_default(file, "tls", "cert_source", "file", "");
	add_default(file, "provision", "server", terms->gateway_url, "");
	add_default(file, "provision", "primary_ecu_hardware_id", terms->hardware_id, "");
	add_default(file, "uptane", "repo_server", terms->gateway_url, "/repo");
	add_default(file, "uptane", "key_source", "file", "");
	add_default(file, "pacman", "type", "ostree+compose_apps", "");
	if (terms->ostree_url[0] != '\0')
		add_default(file, "pacman", "ostree_server", terms->ostree_url, "/ostree");
	add_default(file, "storage", "type", "sqlite", "");
	add_default(file, "storage", "path", directory, "/");
	add_default(file, "import", "tls_cacert_path", directory, "/root.crt");
	add_default(file, "import", "tls_pkey_path", directory, "/pkey.pem");
	add_default(file, "import", "tls_clientcert_path", directory, "/client.pem");
}

static bool
check_override(const struct cv_sota_override *override, struct cv_error *err)
{
	if (!is_word(override->section) || !is_word(override->key))
		return cv_fail(err, CV_E_INPUT,
		    "member \"overrides\" has a section or key that is not of A-Za-z0-9_.-");
	if (form_of(override->value) == FORM_BAD)
		return cv_fail(err, CV_E_INPUT,
		    "member \"overrides\": the value of [%s] %s is not one TOML string",
		    override->section, override->key);
	return true;
}

static bool
take_override(struct file *file, const struct cv_sota_override *override, struct cv_error *err)
{
	if (!check_override(override, err))
		return false;
	for (size_t i = 0; i < file->count; i++) {
		if (cv_text_equal(file->entries[i].section, override->section) &&
		    cv_text_equal(file->entries[i].key, override->key)) {
			file->entries[i].value = override->value;
			return true;
		}
	}
	if (file->count == ENTRIES_MAX)
		return cv_fail(err, CV_E_INPUT, "member \"overrides\" has too many keys");
	file->entries[file->count++] = *override;
	return true;
}

/* The table that a dotted key makes, "[a] b.c" makes a.b, may not be opened by a header as well. */
static bool
makes_table_of(const struct cv_sota_override *dotted, const char *section)
{
	char table[PATH_SIZE];

	path_of(dotted, table);
	*strrchr(table, '.') = '\0';
	return strchr(dotted->key, '.') != NULL && !cv_text_equal(dotted->section, section) &&
	       (is_around(table, section) || is_around(section, table)) &&
	       !is_around(section, dotted->section);
}

static bool
entries_agree(const struct cv_sota_override *one, const struct cv_sota_override *other)
{
	char path[PATH_SIZE], other_path[PATH_SIZE];

	path_of(one, path);
	path_of(other, other_path);
	return !is_around(path, other_path) && !is_around(path, other->section) &&
	       !makes_table_of(one, other->section);
}

static bool
check_tables(const struct file *file, struct cv_error *err)
{
	for (size_t i = 0; i < file->count; i++) {
		for (size_t j = 0; j < file->count; j++) {
			if (i != j && !entries_agree(&file->entries[i], &file->entries[j]))
				return cv_fail(err, CV_E_INPUT,
				    "member \"overrides\": [%s] %s is a value and a table",
				    file->entries[i].section, file->entries[i].key);
		}
	}
	return true;
}

static void
append_entry(struct cv_buffer *buffer, const struct cv_sota_override *entry)
{
	switch (form_of(entry->value)) {
	case FORM_BAD:
	case FORM_UNSET:
		cv_buffer_printf(buffer, "# %s is not set\n", entry->key);
		return;
	case FORM_QUOTED:
		cv_buffer_printf(buffer, "%s = %s\n", entry->key, entry->value);
		return;
	case FORM_PLAIN:
		cv_buffer_printf(buffer, "%s = \"%s\"\n", entry->key, entry->value);
		return;
	}
}

static bool
is_first_of_section(const struct file *file, size_t number)
{
	for (size_t i = 0; i < number; i++) {
		if (cv_text_equal(file->entries[i].section, file->entries[number].section))
			return false;
	}
	return true;
}

static void
append_section(struct cv_buffer *buffer, const struct file *file, size_t first)
{
	const char *section = file->entries[first].section;

	cv_buffer_printf(buffer, "%s[%s]\n", first == 0 ? "" : "\n", section);
	for (size_t i = first; i < file->count; i++) {
		if (cv_text_equal(file->entries[i].section, section))
			append_entry(buffer, &file->entries[i]);
	}
}

bool
cv_sota_append(struct cv_buffer *buffer, const struct cv_sota_terms *terms, struct cv_error *err)
{
	struct file file = {.count = 0};

	add_defaults(&file, terms);
	if (file.is_cut)
		return cv_fail(err, CV_E_INPUT,
		    "hardware-id or sota-config-dir is too long, or has a quote or a control "
		    "character");
	for (size_t i = 0; i < terms->override_count; i++) {
		if (!take_override(&file, &terms->overrides[i], err))
			return false;
	}
	if (!check_tables(&file, err))
		return false;
	for (size_t i = 0; i < file.count; i++) {
		if (is_first_of_section(&file, i))
			append_section(buffer, &file, i);
	}
	return !buffer->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

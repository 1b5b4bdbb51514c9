#include <inttypes.h>
#include <string.h>

#include "config_internal.h"
#include "cv/pki/csrattrs.h"
#include "cv/pki/oid.h"
#include "cv/util/text.h"

#define SECTION "est"
#define SECTION_MAX 49
#define WORD_SIZE 64

enum label_type {
	LABEL_WORD,  /* one of the words: its value */
	LABEL_WORDS, /* several of them: their bits */
	LABEL_NUMBER,
	LABEL_TEXT,
	LABEL_URL,
	LABEL_OIDS,
};

struct word {
	const char *text; /* NULL: end of the list */
	int64_t value;
};

static const struct word switches[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};
static const struct word operations[] = {{"cacerts", CV_EST_CACERTS}, {"csrattrs", CV_EST_CSRATTRS},
    {"simpleenroll", CV_EST_SIMPLEENROLL}, {"simplereenroll", CV_EST_SIMPLEREENROLL},
    {"serverkeygen", CV_EST_SERVERKEYGEN}, {NULL, 0}};
static const struct word ways[] = {{"device", CV_ENROL_DEVICE}, {"bootstrap", CV_ENROL_BOOTSTRAP},
    {"token", CV_ENROL_TOKEN}, {"bootstrap+token", CV_ENROL_BOTH}, {NULL, 0}};
static const struct word challenges[] = {{"basic", CV_CHALLENGE_BASIC},
    {"bearer", CV_CHALLENGE_BEARER}, {"basic+bearer", CV_CHALLENGE_BASIC | CV_CHALLENGE_BEARER},
    {"bearer+basic", CV_CHALLENGE_BASIC | CV_CHALLENGE_BEARER | CV_CHALLENGE_BEARER_FIRST},
    {NULL, 0}};
static const struct word key_types[] = {{"p256", 1 << CV_KEY_TYPE_P256},
    {"p384", 1 << CV_KEY_TYPE_P384}, {"p521", 1 << CV_KEY_TYPE_P521},
    {"ed25519", 1 << CV_KEY_TYPE_ED25519}, {"rsa", 1 << CV_KEY_TYPE_RSA}, {NULL, 0}};
static const struct word new_keys[] = {{"p256", CV_NEW_KEY_P256}, {"p384", CV_NEW_KEY_P384},
    {"p521", CV_NEW_KEY_P521}, {"ed25519", CV_NEW_KEY_ED25519}, {"rsa2048", CV_NEW_KEY_RSA_2048},
    {"rsa3072", CV_NEW_KEY_RSA_3072}, {NULL, 0}};
static const struct word linkings[] = {{"off", CV_LINKING_OFF}, {"optional", CV_LINKING_OPTIONAL},
    {"required", CV_LINKING_REQUIRED}, {NULL, 0}};
static const struct word excesses[] = {
    {"trim", CV_EXCESS_TRIM}, {"refuse", CV_EXCESS_REFUSE}, {NULL, 0}};
static const struct word csrattrs_modes[] = {{"oids", CV_CSRATTRS_OIDS},
    {"template", CV_CSRATTRS_TEMPLATE}, {"both", CV_CSRATTRS_BOTH}, {NULL, 0}};
static const struct word approvals[] = {{"none", 0}, {"manual", 1}, {NULL, 0}};
static const struct word go_clients[] = {{"standard", 0}, {"legacy", 1}, {NULL, 0}};
static const struct word column_counts[] = {
    {"auto", CV_COLUMNS_AUTO}, {"0", 0}, {"64", 64}, {"76", 76}, {NULL, 0}};

/* clang-format off */
#define MEMBER(member_) .offset = offsetof(struct cv_label, member_), \
	.size = sizeof(((struct cv_label *)NULL)->member_)
#define WORD(key_, words_, fallback_, member_) \
	{ .key = (key_), .type = LABEL_WORD, .words = (words_), .fallback = (fallback_), MEMBER(member_) }
#define WORDS(key_, words_, fallback_, member_) \
	{ .key = (key_), .type = LABEL_WORDS, .words = (words_), .fallback = (fallback_), MEMBER(member_) }
#define NUMBER(key_, min_, max_, fallback_, member_) \
	{ .key = (key_), .type = LABEL_NUMBER, .min = (min_), .max = (max_), .fallback = (fallback_), \
	  MEMBER(member_) }
#define TEXT(key_, type_, member_) \
	{ .key = (key_), .type = (type_), .fallback = "", MEMBER(member_) }

static const struct label_setting {
	const char *key;
	enum label_type type;
	const struct word *words;
	int64_t min, max;
	const char *fallback;
	size_t offset, size;
} settings[] = {
	TEXT("factory", LABEL_TEXT, factory),
	TEXT("authority", LABEL_TEXT, authority),
	WORDS("operations", operations, "cacerts, csrattrs, simpleenroll, simplereenroll", operations),
	WORDS("enrol", ways, "device, bootstrap, token", enrols),
	WORD("challenge", challenges, "basic+bearer", challenges),
	WORDS("keys", key_types, "p256, p384, p521, ed25519, rsa", keys),
	NUMBER("rsa_min_bits", 2048, 4096, "2048", rsa_min_bits),
	WORD("generated_key", new_keys, "p256", generated_key),
	WORD("new_key", switches, "no", needs_new_key),
	WORD("linking", linkings, "off", linking),
	TEXT("san", LABEL_TEXT, san),
	WORD("key_usage", excesses, "trim", key_usage),
	WORD("extended_key_usage", excesses, "refuse", extended_key_usage),
	TEXT("attributes", LABEL_OIDS, attributes),
	WORD("require_attributes", switches, "no", requires_attributes),
	WORD("csrattrs", csrattrs_modes, "oids", csrattrs),
	WORD("approval", approvals, "none", needs_approval),
	NUMBER("lifetime_days", 0, 7300, "0", lifetime_days),
	NUMBER("jitter_percent", 0, 10, "0", jitter_percent),
	TEXT("crl_url", LABEL_URL, crl_url),
	TEXT("ocsp_url", LABEL_URL, ocsp_url),
	TEXT("issuer_url", LABEL_URL, issuer_url),
	WORD("go_clients", go_clients, "legacy", is_go_legacy),
	WORD("line_length", column_counts, "auto", columns),
};
/* clang-format on */
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

_Static_assert(SETTINGS <= CV_CONFIG_LABEL_SETTINGS_MAX, "label_lines is too short");

static const char *
set_number(const struct label_setting *setting, const char *value, int64_t *ret_number)
{
	uint64_t number;

	if (!cv_text_parse_unsigned(value, (uint64_t)setting->max, &number) ||
	    (int64_t)number < setting->min)
		return "not a whole number within the bounds";
	*ret_number = (int64_t)number;
	return NULL;
}

static const struct word *
find_word(const struct word *words, const char *text)
{
	for (; words->text != NULL; words++) {
		if (strcmp(words->text, text) == 0)
			return words;
	}
	return NULL;
}

/* One word is a list of one. */
static const char *
set_words(const struct label_setting *setting, const char *value, int64_t *ret_bits)
{
	char text[WORD_SIZE];
	int64_t bits = 0;

	for (const char *at = value;; at++) {
		at += strspn(at, " ");
		size_t len = strcspn(at, ", ");
		const struct word *word = NULL;
		if (cv_text_copy_bytes(text, sizeof(text), at, len))
			word = find_word(setting->words, text);
		if (word == NULL)
			return "a word that is not known here";
		bits = setting->type == LABEL_WORDS ? bits | word->value : word->value;
		at += len;
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		if (*at != ',' || setting->type == LABEL_WORD)
			return "more than one word";
	}
	*ret_bits = bits;
	return NULL;
}

/* What is wrong with the list; NULL: nothing. */
static const char *
judge_oid_list(const char *list)
{
	while (*list != '\0') {
		CV_AUTO_BUFFER struct cv_buffer oid = CV_BUFFER_INIT;
		if (!cv_oid_parse(&list, &oid))
			return "not a list of object identifiers";
		if (cv_bytes_equal(cv_buffer_bytes(&oid), CV_OID(CV_OID_CHALLENGE_PASSWORD)))
			return "challengePassword is announced where linking is on: see linking";
	}
	return NULL;
}

static const char *
set_text(const struct label_setting *setting, const char *value, char *ret_text)
{
	const char *flaw = setting->type == LABEL_OIDS ? judge_oid_list(value) : NULL;

	if (flaw != NULL)
		return flaw;
	if (setting->type == LABEL_URL && value[0] != '\0' && !cv_text_has_prefix(value, "http://"))
		return "not an http:// URL";
	return cv_text_copy(ret_text, setting->size, value) ? NULL : "too long";
}

/* What is wrong with the value; NULL: nothing. */
static const char *
set_member(const struct label_setting *setting, const char *value, struct cv_label *label)
{
	void *member = (char *)label + setting->offset;

	switch (setting->type) {
	case LABEL_WORD:
	case LABEL_WORDS:
		return set_words(setting, value, member);
	case LABEL_NUMBER:
		return set_number(setting, value, member);
	case LABEL_TEXT:
	case LABEL_URL:
	case LABEL_OIDS:
		return set_text(setting, value, member);
	}
	return NULL;
}

bool
cv_config_is_label(const char *section)
{
	return strcmp(section, SECTION) == 0 || cv_text_has_prefix(section, SECTION ".");
}

static const char *
label_name(const char *section)
{
	return section[strlen(SECTION)] == '.' ? section + strlen(SECTION ".") : "";
}

/* The label of that name, made when it is new; NULL: too many. */
static struct cv_label *
get_label(struct cv_config_loader *loader, const char *name)
{
	struct cv_config *config = loader->config;

	for (size_t i = 0; i < config->label_count; i++) {
		if (strcmp(config->labels[i].name, name) == 0)
			return &config->labels[i];
	}
	if (config->label_count == CV_CONFIG_LABELS_MAX)
		return NULL;
	struct cv_label *label = &config->labels[config->label_count++];
	(void)cv_text_copy(label->name, sizeof(label->name), name);
	return label;
}

const char *
cv_config_take_label(
    struct cv_config_loader *loader, const char *section, const char *key, const char *value)
{
	const char *name = label_name(section);

	/* libinih cuts longer ones. */
	if (strlen(section) >= SECTION_MAX)
		return "the name of the label is too long";
	if (section[strlen(SECTION)] == '.' && !cv_label_is_name(name))
		return "not the name of a label: 1 to 128 of A-Z a-z 0-9 - . _ ~, and no operation";
	struct cv_label *label = get_label(loader, name);
	if (label == NULL)
		return "too many labels";
	int *lines = loader->config->label_lines[label - loader->config->labels];
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].key, key) != 0)
			continue;
		if (lines[i] != 0)
			return "set twice";
		lines[i] = loader->line;
		return set_member(&settings[i], value, label);
	}
	return "no such setting";
}

void
cv_config_default_label(struct cv_config_loader *loader)
{
	struct cv_label *label = get_label(loader, "");

	for (size_t i = 0; i < SETTINGS; i++)
		(void)set_member(&settings[i], settings[i].fallback, label);
}

void
cv_config_complete_labels(struct cv_config_loader *loader)
{
	const char *base = (const char *)&loader->config->labels[0];

	for (size_t k = 1; k < loader->config->label_count; k++) {
		char *label = (char *)&loader->config->labels[k];

		for (size_t i = 0; i < SETTINGS; i++) {
			if (loader->config->label_lines[k][i] == 0)
				memcpy(label + settings[i].offset, base + settings[i].offset,
				    settings[i].size);
		}
	}
}

/* ---- printing ---- */

/* One word is a list of one. */
static void
append_words(struct cv_buffer *text, const struct label_setting *setting, int64_t value)
{
	const char *gap = "";

	for (const struct word *word = setting->words; word->text != NULL; word++) {
		bool is_meant = setting->type == LABEL_WORDS ? (value & word->value) != 0
							     : value == word->value;
		if (!is_meant)
			continue;
		cv_buffer_printf(text, "%s%s", gap, word->text);
		gap = ", ";
	}
}

static void
append_member(
    struct cv_buffer *text, const struct label_setting *setting, const struct cv_label *label)
{
	const void *member = (const char *)label + setting->offset;

	switch (setting->type) {
	case LABEL_WORD:
	case LABEL_WORDS:
		append_words(text, setting, *(const int64_t *)member);
		return;
	case LABEL_NUMBER:
		cv_buffer_printf(text, "%" PRId64, *(const int64_t *)member);
		return;
	case LABEL_TEXT:
	case LABEL_URL:
	case LABEL_OIDS:
		cv_buffer_append_text(text, member);
		return;
	}
}

/* What a label does not set it has from [est]. */
static void
append_label_origin(
    struct cv_buffer *text, const struct cv_config *config, size_t label, size_t setting)
{
	int line = config->label_lines[label][setting];

	if (line == 0 && label > 0) {
		cv_buffer_append_text(text, "[" SECTION "] ");
		line = config->label_lines[0][setting];
	}
	if (line == 0)
		cv_buffer_append_text(text, "default");
	else
		cv_buffer_printf(text, "%s:%d", config->path, line);
}

void
cv_config_append_labels(const struct cv_config *config, struct cv_buffer *text)
{
	for (size_t k = 0; k < config->label_count; k++) {
		const struct cv_label *label = &config->labels[k];

		cv_buffer_printf(text, "\n[" SECTION "%s%s]\n", k == 0 ? "" : ".", label->name);
		for (size_t i = 0; i < SETTINGS; i++) {
			cv_buffer_printf(text, "%s = ", settings[i].key);
			append_member(text, &settings[i], label);
			cv_buffer_append_text(text, " ; ");
			append_label_origin(text, config, k, i);
			cv_buffer_append_text(text, " (needs a restart)\n");
		}
	}
}

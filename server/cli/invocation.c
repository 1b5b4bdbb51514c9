#include "invocation_internal.h"

#include <getopt.h>
#include <string.h>

#include "cv/util/text.h"

#define EXIT_USAGE 2
#define HELP_COLUMNS 80
#define HELP_MAX 400
#define OPTION_MAX 96
#define OPTION_COLUMN 27 /* where explanations begin */
#define FIRST_OPTION 256 /* what getopt_long returns for the first row: no character */

bool
cv_cli_next_word(const char **words, char *ret_word, size_t size)
{
	const char *at = *words + strspn(*words, " ");
	size_t len = strcspn(at, " ");

	*words = at + len;
	return len > 0 && cv_text_copy_bytes(ret_word, size, at, len);
}

/* Is it listed, and how: "name" or "name!"? */
static bool
find_option(const struct cv_cli_verb *verb, const char *option, bool *ret_is_needed)
{
	const char *words = verb->options;
	char word[32];

	while (cv_cli_next_word(&words, word, sizeof(word))) {
		size_t len = strlen(word);

		*ret_is_needed = word[len - 1] == '!';
		if (*ret_is_needed)
			word[len - 1] = '\0';
		if (cv_text_equal(word, option))
			return true;
	}
	return false;
}

bool
cv_cli_takes(const struct cv_cli_verb *verb, const char *option)
{
	const struct cv_cli_option *row = cv_cli_option(option);
	bool is_needed;

	return (row != NULL && row->kind == CV_CLI_GLOBAL) || find_option(verb, option, &is_needed);
}

bool
cv_cli_offers(const struct cv_cli_verb *verb, const char *option)
{
	return cv_cli_takes(verb, option) &&
	       !(cv_text_equal(option, "factory") && cv_cli_takes(verb, "factories"));
}

const char *
cv_cli_value(const struct cv_cli_invocation *invocation, const char *option)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	return invocation->values[cv_cli_option(option) - options];
}

/* ---- help ---- */

static const char *
gap(const char *text)
{
	return text[0] == '\0' ? "" : " ";
}

/* Goes on at column `column`, in lines of 80 with that indentation; a word that is longer is not
 * cut.
 */
static void
print_wrapped(FILE *stream, size_t column, const char *text)
{
	size_t at = column;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (at > column && at + 1 + len > HELP_COLUMNS) {
			(void)fprintf(stream, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			(void)fputc(' ', stream);
			at++;
		}
		(void)fwrite(text, 1, len, stream);
		at += len;
		text += len + strspn(text + len, " ");
	}
	(void)fputc('\n', stream);
}

/* An option or act with its explanation, which begins on a line of its own where the first is long.
 */
static void
print_row(FILE *stream, const char *name, size_t column, const char *text)
{
	int len = fprintf(stream, "  %s", name);

	if (len < 0)
		return;
	if ((size_t)len >= column)
		(void)fprintf(stream, "\n%*s", (int)column, "");
	else
		(void)fprintf(stream, "%*s", (int)(column - (size_t)len), "");
	print_wrapped(stream, column, text);
}

static void
print_verb(FILE *stream, const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	(void)fprintf(stream, "usage: certvendor %s%s%s%s%s [option]...\n", verb->verb,
	    gap(verb->act), verb->act, gap(verb->arguments), verb->arguments);
	print_wrapped(stream, 0, verb->help);
	(void)fputc('\n', stream);
	for (size_t i = 0; i < count; i++) {
		const struct cv_cli_option *row = &options[i];
		bool is_needed = false;
		char option[OPTION_MAX], help[HELP_MAX];

		if (!cv_cli_offers(verb, row->name))
			continue;
		(void)find_option(verb, row->name, &is_needed);
		const char *words = cv_cli_words(verb, row);
		const char *value = cv_cli_words_are_all(words) ? words : row->value;
		(void)snprintf(option, sizeof(option), "--%s%s%s", row->name,
		    value == NULL ? "" : " ", value == NULL ? "" : value);
		(void)snprintf(help, sizeof(help), "%s%s", row->help,
		    row->kind != CV_CLI_GLOBAL && is_needed ? " (needed)" : "");
		print_row(stream, option, OPTION_COLUMN, help);
	}
	(void)fputs("\nexit code: 0 done, 1 refused or failed, 2 wrong command line\n", stream);
}

static void
print_act(FILE *stream, const char *act, const char *arguments, const char *help)
{
	char words[64];

	(void)snprintf(words, sizeof(words), "%-8s %s", act, arguments);
	print_row(stream, words, OPTION_COLUMN, help);
}

static void
print_acts(FILE *stream, const struct cv_cli_options *global, const char *verb)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	(void)fprintf(stream, "usage: certvendor %s ACT [argument]... [option]...\n\n", verb);
	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(verbs[i].verb, verb))
			print_act(stream, verbs[i].act, verbs[i].arguments, verbs[i].help);
	}
	for (size_t i = 0; i < global->other_count; i++) {
		const struct cv_cli_program_verb *other = &global->others[i];

		if (cv_text_equal(other->name, verb))
			print_act(stream, other->act, "", other->help);
	}
	(void)fprintf(stream, "\ncertvendor %s ACT --help lists the options.\n", verb);
}

/* ---- parsing ---- */

static bool
fail_usage(const struct cv_cli_verb *verb, const char *problem, const char *what, int *ret_exit)
{
	(void)fprintf(stderr, "certvendor %s%s%s: %s%s\n", verb->verb, gap(verb->act), verb->act,
	    problem, what);
	*ret_exit = EXIT_USAGE;
	return false;
}

static void
take_global(struct cv_cli_options *global, const char *name, char *value)
{
	if (cv_text_equal(name, "server"))
		global->server = value;
	else if (cv_text_equal(name, "token-file"))
		global->token_file = value;
	else if (cv_text_equal(name, "cert"))
		global->certificate = value;
	else if (cv_text_equal(name, "key"))
		global->key = value;
	else if (cv_text_equal(name, "ca"))
		global->ca_file = value;
	else if (cv_text_equal(name, "factory"))
		global->factory = value;
	else
		global->is_json = true;
}

/* The server would take some wrong words for a setting that was not named. */
static bool
check_word(const struct cv_cli_verb *verb, const struct cv_cli_option *option, const char *value,
    int *ret_exit)
{
	const char *words = cv_cli_words(verb, option);
	char problem[OPTION_MAX + HELP_MAX];

	if (!cv_cli_words_are_all(words))
		return true;
	for (const char *at = words; *at != '\0'; at += strspn(at, "|")) {
		size_t len = strcspn(at, "|");
		if (strlen(value) == len && strncmp(at, value, len) == 0)
			return true;
		at += len;
	}
	(void)snprintf(problem, sizeof(problem), "--%s is %s, not ", option->name, words);
	return fail_usage(verb, problem, value, ret_exit);
}

static bool
check_number(const struct cv_cli_verb *verb, const struct cv_cli_option *option, const char *value,
    int *ret_exit)
{
	bool is_count = option->kind == CV_CLI_COUNT;
	char problem[OPTION_MAX];
	uint64_t number;

	if (!is_count && option->kind != CV_CLI_NUMBER)
		return true;
	if (cv_text_parse_unsigned(value, INT64_MAX, &number) && (number > 0 || !is_count))
		return true;
	(void)snprintf(problem, sizeof(problem), "--%s is a number%s, not ", option->name,
	    is_count ? " from 1" : "");
	return fail_usage(verb, problem, value, ret_exit);
}

static bool
take_repeated(struct cv_cli_invocation *invocation, const char *name, int *ret_exit)
{
	if (invocation->repeated_count == CV_CLI_REPEATED_MAX)
		return fail_usage(invocation->verb, "too many --", name, ret_exit);
	invocation->repeated[invocation->repeated_count++] = optarg;
	return true;
}

static bool
take_option(struct cv_cli_invocation *invocation, int number, int *ret_exit)
{
	size_t count;
	const struct cv_cli_option *row = cv_cli_options(&count);

	if (number < FIRST_OPTION && number != 'h') {
		*ret_exit = EXIT_USAGE;
		return false;
	}
	row = number == 'h' ? cv_cli_option("help") : row + (number - FIRST_OPTION);
	if (cv_text_equal(row->name, "help")) {
		print_verb(stdout, invocation->verb);
		*ret_exit = 0;
		return false;
	}
	if (row->kind == CV_CLI_GLOBAL) {
		take_global(&invocation->global, row->name, optarg);
		return true;
	}
	if (row->value != NULL && (!check_word(invocation->verb, row, optarg, ret_exit) ||
				      !check_number(invocation->verb, row, optarg, ret_exit)))
		return false;
	invocation->values[number - FIRST_OPTION] = row->value == NULL ? "" : optarg;
	return row->kind != CV_CLI_REPEATED || take_repeated(invocation, row->name, ret_exit);
}

static bool
take_options(struct cv_cli_invocation *invocation, int argc, char **argv, int *ret_exit)
{
	const struct cv_cli_verb *verb = invocation->verb;
	struct option long_options[CV_CLI_OPTIONS_MAX + 1] = {{NULL, 0, NULL, 0}};
	char name[OPTION_MAX]; /* that the library's own complaints begin with */
	size_t count, taken = 0;
	const struct cv_cli_option *options = cv_cli_options(&count);
	int number;

	for (size_t i = 0; i < count; i++) {
		if (!cv_cli_takes(verb, options[i].name))
			continue;
		long_options[taken].name = options[i].name;
		long_options[taken].has_arg =
		    options[i].value == NULL ? no_argument : required_argument;
		long_options[taken++].val = FIRST_OPTION + (int)i;
	}
	(void)snprintf(
	    name, sizeof(name), "certvendor %s%s%s", verb->verb, gap(verb->act), verb->act);
	char *called = argv[0];
	argv[0] = name;
	optind = 0;
	while ((number = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (!take_option(invocation, number, ret_exit))
			break;
	}
	argv[0] = called;
	return number == -1;
}

static bool
check_needed(const struct cv_cli_invocation *invocation, int *ret_exit)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	for (size_t i = 0; i < count; i++) {
		bool is_needed;
		if (find_option(invocation->verb, options[i].name, &is_needed) && is_needed &&
		    invocation->values[i] == NULL)
			return fail_usage(invocation->verb, "needs --", options[i].name, ret_exit);
	}
	return true;
}

/* A change of nothing is a mistake. */
static bool
check_change(const struct cv_cli_invocation *invocation, int *ret_exit)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	if (invocation->verb->method == NULL || !cv_text_equal(invocation->verb->method, "PATCH"))
		return true;
	for (size_t i = 0; i < count; i++) {
		if (invocation->values[i] != NULL && options[i].kind != CV_CLI_HEADER)
			return true;
	}
	return fail_usage(
	    invocation->verb, "needs an option that says ", "what to change", ret_exit);
}

/* Of two that set the same, one would be lost. */
static bool
check_contradiction(const struct cv_cli_invocation *invocation, int *ret_exit)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);
	char problem[OPTION_MAX];

	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count && invocation->values[i] != NULL; j++) {
			if (invocation->values[j] == NULL || options[i].member == NULL ||
			    options[j].member == NULL ||
			    !cv_text_equal(options[i].member, options[j].member))
				continue;
			(void)snprintf(
			    problem, sizeof(problem), "takes --%s or --", options[i].name);
			return fail_usage(invocation->verb, problem, options[j].name, ret_exit);
		}
	}
	return true;
}

/* Nothing would be said of it in the request, and what is made would be for all factories. */
static bool
check_factory(const struct cv_cli_invocation *invocation, int *ret_exit)
{
	return invocation->global.factory == NULL || cv_cli_offers(invocation->verb, "factory") ||
	       fail_usage(invocation->verb, "takes --factories, not --", "factory", ret_exit);
}

static const struct cv_cli_verb *
find_verb(const char *verb, const char *act)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(verbs[i].verb, verb) &&
		    (verbs[i].act[0] == '\0' || cv_text_equal(verbs[i].act, act)))
			return &verbs[i];
	}
	return NULL;
}

/* "." and "..": a server, or whoever stands before it, would act on another path than the one that
 * was meant. No object is called so. */
static bool
check_argument(const struct cv_cli_verb *verb, const char *argument, int *ret_exit)
{
	if (argument[0] == '\0')
		return fail_usage(verb, "an argument is empty", "", ret_exit);
	if (cv_text_equal(argument, ".") || cv_text_equal(argument, ".."))
		return fail_usage(verb, "nothing is called ", argument, ret_exit);
	return true;
}

static bool
take_arguments(struct cv_cli_invocation *invocation, int argc, char **argv, int *ret_exit)
{
	const char *words = invocation->verb->arguments;
	char word[32] = "";
	int at = optind;

	while (cv_cli_next_word(&words, word, sizeof(word))) {
		if (at == argc || argv[at][0] == '\0') {
			word[strcspn(word, ".")] = '\0';
			return fail_usage(invocation->verb, "needs ", word, ret_exit);
		}
		at++;
	}
	if (at < argc && strstr(word, "...") == NULL)
		return fail_usage(invocation->verb, "unexpected ", argv[at], ret_exit);
	for (at = optind; at < argc; at++) {
		if (!check_argument(invocation->verb, argv[at], ret_exit))
			return false;
	}
	invocation->arguments = argv + optind;
	invocation->argument_count = (size_t)(argc - optind);
	return true;
}

bool
cv_cli_parse(const struct cv_cli_options *options, int argc, char **argv,
    struct cv_cli_invocation *ret_invocation, int *ret_exit)
{
	const char *act = argc > 1 ? argv[1] : "";
	struct cv_cli_invocation invocation = {
	    .verb = find_verb(argv[0], act),
	    .global = *options,
	};

	if (invocation.verb == NULL) {
		bool is_help = cv_text_equal(act, "--help") || cv_text_equal(act, "-h");
		if (!is_help && act[0] == '\0')
			(void)fprintf(stderr, "certvendor %s: needs an act\n", argv[0]);
		else if (!is_help)
			(void)fprintf(stderr, "certvendor %s: \"%s\" is no act\n", argv[0], act);
		print_acts(is_help ? stdout : stderr, options, argv[0]);
		*ret_exit = is_help ? 0 : EXIT_USAGE;
		return false;
	}
	int skipped = invocation.verb->act[0] == '\0' ? 0 : 1;
	if (!take_options(&invocation, argc - skipped, argv + skipped, ret_exit) ||
	    !check_needed(&invocation, ret_exit) || !check_change(&invocation, ret_exit) ||
	    !check_contradiction(&invocation, ret_exit) || !check_factory(&invocation, ret_exit) ||
	    !take_arguments(&invocation, argc - skipped, argv + skipped, ret_exit))
		return false;
	*ret_invocation = invocation;
	return true;
}

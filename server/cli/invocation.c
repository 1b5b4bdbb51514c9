#include "invocation_internal.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cv/model/source.h"
#include "cv/util/text.h"

#define EXIT_USAGE 2

struct option_row {
	const char *name;
	enum cv_cli_option option; /* 0: of every verb */
	const char *value;         /* for the help; NULL: a flag */
	int letter;
	const char *help;
};

/* Letters are what getopt_long returns; only -h can be typed. */
static const struct option_row option_rows[] = {
    {"reason", CV_CLI_REASON, "REASON", 'r', "a reason of RFC 5280, e.g. keyCompromise"},
    {"device", CV_CLI_DEVICE, "ID", 'd', "of or for this device"},
    {"uses", CV_CLI_USES, "N", 'u', "how many devices may use it; default: 1"},
    {"expires-in", CV_CLI_EXPIRES, "SECONDS", 'e', "default: 3600"},
    {"name", CV_CLI_NAME, "NAME", 'n', "name of the authority"},
    {"kind", CV_CLI_KIND, "KIND", 'k', "offline or bootstrap"},
    {"owner", CV_CLI_OWNER, "OWNER", 'o', "owner of devices that are first met under it"},
    {"csr", CV_CLI_CSR, "FILE", 'c',
	"PEM request of the gateway's key, e.g. by: openssl req -new -newkey ec -pkeyopt "
	"ec_paramgen_curve:P-256 -nodes -keyout gateway.key -subj /CN=NAME -out gateway.csr"},
    {"source", CV_CLI_SOURCE, "WORD", 'S',
	"header it forwards certificates in: " CV_SOURCE_WORDS "; repeatable"},
    {"factories", CV_CLI_FACTORIES, "A,B", 'F', "factories it may ask about; default: all"},
    {"no-activate", CV_CLI_NO_ACTIVATE, NULL, 'N', "what it sees activates no key"},
    {"lifetime-days", CV_CLI_LIFETIME, "N", 'l', "of its certificate"},
    {"out", CV_CLI_OUT, "FILE", 'O', "write the certificate there instead of printing it"},
    {"after", CV_CLI_AFTER, "ID", 'A', "begin behind this one"},
    {"limit", CV_CLI_LIMIT, "N", 'L', "how many at most"},
    {"server", 0, "URL", 's', "operator API to ask (CERTVENDOR_SERVER)"},
    {"token-file", 0, "FILE", 't', "file that holds the token"},
    {"ca", 0, "FILE", 'a', "certificate that the server is verified with (CERTVENDOR_CA)"},
    {"factory", 0, "NAME", 'f', "factory that is meant, where the token has several"},
    {"json", 0, NULL, 'j', "print what the server answered, as it is"},
    {"help", 0, NULL, 'h', "print this"},
};
#define ROW_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

static size_t
bit_of(enum cv_cli_option option)
{
	return (size_t)__builtin_ctz((unsigned)option);
}

const char *
cv_cli_value(const struct cv_cli_invocation *invocation, enum cv_cli_option option)
{
	return invocation->values[bit_of(option)];
}

static const struct option_row *
find_row(int letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	}
	return NULL;
}

static void
print_verb(FILE *stream, const struct cv_cli_verb *verb)
{
	(void)fprintf(stream, "usage: certvendor %s%s%s%s%s [option]...\n%s\n\n", verb->verb,
	    verb->act[0] == '\0' ? "" : " ", verb->act, verb->argument[0] == '\0' ? "" : " ",
	    verb->argument, verb->help);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		if (row->option != 0 && (verb->options & (unsigned)row->option) == 0)
			continue;
		char option[40];
		(void)snprintf(option, sizeof(option), "--%s%s%s", row->name,
		    row->value == NULL ? "" : " ", row->value == NULL ? "" : row->value);
		(void)fprintf(stream, "  %-22s %s\n", option, row->help);
	}
}

static void
print_acts(FILE *stream, const char *verb)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	(void)fprintf(stream, "usage: certvendor %s ACT [argument] [option]...\n\n", verb);
	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(verbs[i].verb, verb))
			(void)fprintf(stream, "  %-8s %-7s %s\n", verbs[i].act, verbs[i].argument,
			    verbs[i].help);
	}
	(void)fprintf(stream, "\ncertvendor %s ACT --help lists the options.\n", verb);
}

static bool
fail_usage(const struct cv_cli_verb *verb, const char *problem, const char *what, int *ret_exit)
{
	(void)fprintf(stderr, "certvendor %s%s%s: %s%s\n", verb->verb,
	    verb->act[0] == '\0' ? "" : " ", verb->act, problem, what);
	*ret_exit = EXIT_USAGE;
	return false;
}

static bool
take_global(struct cv_cli_options *global, int letter, char *value)
{
	switch (letter) {
	case 's':
		global->server = value;
		return true;
	case 't':
		global->token_file = value;
		return true;
	case 'a':
		global->ca_file = value;
		return true;
	case 'f':
		global->factory = value;
		return true;
	case 'j':
		global->is_json = true;
		return true;
	default:
		return false;
	}
}

static bool
take_option(struct cv_cli_invocation *invocation, int letter, int *ret_exit)
{
	const struct option_row *row = find_row(letter);

	if (letter == 'h') {
		print_verb(stdout, invocation->verb);
		*ret_exit = 0;
		return false;
	}
	if (row == NULL) {
		*ret_exit = EXIT_USAGE;
		return false;
	}
	if (take_global(&invocation->global, letter, optarg))
		return true;
	if ((invocation->verb->options & (unsigned)row->option) == 0)
		return fail_usage(invocation->verb, "does not take --", row->name, ret_exit);
	if (row->option == CV_CLI_SOURCE) {
		if (invocation->source_count == CV_CLI_SOURCES_MAX)
			return fail_usage(invocation->verb, "too many --source", "", ret_exit);
		invocation->sources[invocation->source_count++] = optarg;
	}
	invocation->values[bit_of(row->option)] = row->value == NULL ? "yes" : optarg;
	return true;
}

static bool
take_options(struct cv_cli_invocation *invocation, int argc, char **argv, int *ret_exit)
{
	struct option options[ROW_COUNT + 1] = {{NULL, 0, NULL, 0}};
	int letter;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		options[i].name = option_rows[i].name;
		options[i].has_arg = option_rows[i].value == NULL ? no_argument : required_argument;
		options[i].val = option_rows[i].letter;
	}
	optind = 0;
	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (!take_option(invocation, letter, ret_exit))
			return false;
	}
	return true;
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

static bool
take_argument(struct cv_cli_invocation *invocation, int argc, char **argv, int *ret_exit)
{
	bool is_needed = invocation->verb->argument[0] != '\0';

	if (is_needed && optind < argc)
		invocation->argument = argv[optind++];
	if (is_needed && (invocation->argument == NULL || invocation->argument[0] == '\0'))
		return fail_usage(
		    invocation->verb, "needs a ", invocation->verb->argument, ret_exit);
	if (optind < argc)
		return fail_usage(invocation->verb, "unexpected ", argv[optind], ret_exit);
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
		print_acts(is_help ? stdout : stderr, argv[0]);
		*ret_exit = is_help ? 0 : EXIT_USAGE;
		return false;
	}
	int skipped = invocation.verb->act[0] == '\0' ? 0 : 1;
	if (!take_options(&invocation, argc - skipped, argv + skipped, ret_exit) ||
	    !take_argument(&invocation, argc - skipped, argv + skipped, ret_exit))
		return false;
	*ret_invocation = invocation;
	return true;
}

/* RFC 3986 section 2.3: what is not unreserved is escaped, whatever an id holds. */
static void
append_escaped(struct cv_buffer *url, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool is_unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				     (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
		if (is_unreserved)
			cv_buffer_append_byte(url, byte);
		else
			cv_buffer_printf(url, "%%%02X", (unsigned)byte);
	}
}

static void
append_query(struct cv_buffer *url, bool *has_query, const char *name, const char *value)
{
	if (value == NULL)
		return;
	cv_buffer_printf(url, "%s%s=", *has_query ? "&" : "?", name);
	append_escaped(url, value);
	*has_query = true;
}

bool
cv_cli_make_url(const struct cv_cli_invocation *invocation, const char *server,
    struct cv_buffer *url, struct cv_error *err)
{
	const struct cv_cli_verb *verb = invocation->verb;
	size_t len = strlen(server);
	bool has_query = false;

	while (len > 0 && server[len - 1] == '/')
		len--;
	cv_buffer_append(url, server, len);
	cv_buffer_append_text(url, verb->path);
	/* A path that ends in a slash waits for the argument; else it is in the body. */
	if (verb->path[strlen(verb->path) - 1] == '/')
		append_escaped(url, invocation->argument);
	cv_buffer_append_text(url, verb->suffix);
	append_query(url, &has_query, "factory", invocation->global.factory);
	if (cv_text_equal(verb->method, "GET")) {
		append_query(url, &has_query, "device", cv_cli_value(invocation, CV_CLI_DEVICE));
		append_query(url, &has_query, "after", cv_cli_value(invocation, CV_CLI_AFTER));
		append_query(url, &has_query, "limit", cv_cli_value(invocation, CV_CLI_LIMIT));
	}
	return !url->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for an address");
}

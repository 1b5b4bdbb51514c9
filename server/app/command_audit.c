#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command_internal.h"
#include "cv/app/app.h"
#include "cv/service/audit_chain.h"
#include "cv/util/text.h"

#define STATEMENT_MS 60000

static void
print_help(FILE *stream)
{
	(void)fputs("usage: certvendor audit verify [--config FILE] [--expect POSITION:HASH]\n"
		    "Recomputes the hash chain over the audit trail in the database and names the "
		    "first bad\n"
		    "row. --expect: a place that the log noted (audit-chained); without it, rows "
		    "that were\n"
		    "cut off the end by somebody who noted another end are not missed. Exit code 1 "
		    "when the\n"
		    "chain is not good.\n",
	    stream);
}

/* "17:<64 hex digits>" */
static bool
parse_place(const char *text, struct cv_audit_link *ret_place)
{
	const char *colon = strchr(text, ':');
	char number[24];
	uint64_t position;

	if (colon == NULL ||
	    !cv_text_copy_bytes(number, sizeof(number), text, (size_t)(colon - text)) ||
	    !cv_text_parse_unsigned(number, INT64_MAX, &position) || position == 0 ||
	    !cv_digest_parse(colon + 1, &ret_place->hash))
		return false;
	ret_place->position = (int64_t)position;
	return true;
}

/* False: *ret_exit is the end of it. */
static bool
parse_words(struct cv_command_line *line, int argc, char **argv, struct cv_audit_link *ret_expected,
    int *ret_exit)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"expect", required_argument, NULL, 'e'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	*ret_exit = CV_EXIT_USAGE;
	while ((option = cv_command_option(argc, argv, options)) != -1) {
		if (option == 'c') {
			line->config = optarg;
		} else if (option == 'e' && parse_place(optarg, ret_expected)) {
			continue;
		} else {
			print_help(option == 'h' ? stdout : stderr);
			*ret_exit = option == 'h' ? CV_EXIT_OK : CV_EXIT_USAGE;
			return false;
		}
	}
	if (optind + 1 == argc && cv_text_equal(argv[optind], "verify"))
		return true;
	print_help(stderr);
	return false;
}

static int
print_report(const struct cv_audit_report *report)
{
	char hash[CV_DIGEST_HEX_SIZE];

	if (!report->is_good)
		(void)printf("audit trail is NOT good: %s\n", report->problem);
	cv_digest_format(&report->head.hash, hash);
	(void)printf("%s%" PRId64 " rows are good; the last is %" PRId64 ":%s\n",
	    report->is_good ? "audit trail is good: " : "", report->rows, report->head.position,
	    hash);
	if (report->outside.unchained > report->outside.late && report->outside.misplaced == 0)
		(void)printf("%" PRId64 " rows are too new to be in the chain\n",
		    report->outside.unchained - report->outside.late);
	return report->is_good ? CV_EXIT_OK : CV_EXIT_FAILED;
}

int
cv_command_audit(struct cv_command_line *line, int argc, char **argv)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection = NULL;
	struct cv_audit_link expected = {.position = 0};
	struct cv_audit_report report;
	struct cv_error err = CV_ERROR_INIT;
	int end;

	if (!parse_words(line, argc, argv, &expected, &end) ||
	    !cv_command_load(line, CV_CONFIG_VALUES, &config, &end))
		return end;
	if (!cv_app_open_database(config->database_url, STATEMENT_MS, &pool, &connection, &err))
		return cv_command_report(&err);
	bool is_read = cv_audit_verify(connection, &expected, &report, &err);
	cv_pool_return(connection);
	return is_read ? print_report(&report) : cv_command_report(&err);
}

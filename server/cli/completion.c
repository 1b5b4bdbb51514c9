#include <string.h>

#include "cv/util/text.h"
#include "invocation_internal.h"

#define EXIT_USAGE 2
#define WORD_SIZE 48
#define CONFIG_HELP "settings (CERTVENDOR_CONFIG)"

/* ---- the tables as lines of a shell ---- */

/* Is this the first row of its verb? Rows of one verb stand together. */
static bool
begins_verb(const struct cv_cli_verb *verbs, size_t i)
{
	return i == 0 || !cv_text_equal(verbs[i - 1].verb, verbs[i].verb);
}

static bool
names_file(const char *value)
{
	return cv_text_equal(value, "FILE") || cv_text_equal(value, "PATH") ||
	       cv_text_equal(value, "DIR");
}

/* "a|b" and "a, b" as "a b". */
static void
print_words(const char *words)
{
	for (; *words != '\0'; words++) {
		if (*words != ',')
			(void)putchar(*words == '|' ? ' ' : *words);
	}
}

/* What is offered behind an option: words, names of files, nothing. */
static void
print_value(const char *words, const char *value)
{
	if (words != NULL)
		print_words(words);
	else
		(void)fputs(names_file(value) ? "@files" : "@none", stdout);
}

static void
print_options(const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	for (size_t i = 0; i < count; i++) {
		if (verb == NULL ? options[i].kind == CV_CLI_GLOBAL
				 : cv_cli_offers(verb, options[i].name))
			(void)printf(" --%s", options[i].name);
	}
}

/* In single quotes: the help holds apostrophes. */
static void
print_quoted(const char *text)
{
	(void)putchar('\'');
	for (; *text != '\0'; text++)
		(void)fputs(*text == '\'' ? "\\'" : (char[]){*text, '\0'}, stdout);
	(void)putchar('\'');
}

static void
print_all_verbs(const struct cv_cli_program_verb *others, size_t other_count)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < other_count; i++) {
		if (others[i].act[0] == '\0')
			(void)printf(" %s", others[i].name);
	}
	for (size_t i = 0; i < count; i++) {
		if (begins_verb(verbs, i))
			(void)printf(" %s", verbs[i].verb);
	}
}

static void
print_acts(const struct cv_cli_program_verb *others, size_t other_count, const char *verb)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(verbs[i].verb, verb))
			(void)printf(" %s", verbs[i].act);
	}
	for (size_t i = 0; i < other_count; i++) {
		if (others[i].act[0] != '\0' && cv_text_equal(others[i].name, verb))
			(void)printf(" %s", others[i].act);
	}
}

/* ---- bash and zsh: the same words, found and offered in their own ways ---- */

static const char *
words_of_program(const struct cv_cli_program_option *option)
{
	return cv_cli_words_are_all(option->value) ? option->value : NULL;
}

/* Behind one option of one verb. */
static void
print_value_case(
    const char *verb, const char *act, const char *option, const char *words, const char *value)
{
	(void)printf("\t'%s %s --%s') candidates='", verb, act, option);
	print_value(words, value);
	(void)fputs("' ;;\n", stdout);
}

static void
print_value_cases_of(const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	for (size_t i = 0; i < count; i++) {
		const struct cv_cli_option *row = &options[i];
		if (row->kind != CV_CLI_GLOBAL && row->value != NULL &&
		    cv_cli_takes(verb, row->name))
			print_value_case(
			    verb->verb, verb->act, row->name, cv_cli_words(verb, row), row->value);
	}
}

static void
print_value_cases_of_program(const struct cv_cli_program_verb *verb)
{
	for (size_t i = 0; i < verb->option_count; i++) {
		const struct cv_cli_program_option *row = &verb->options[i];
		print_value_case(
		    verb->name, verb->act, row->name, words_of_program(row), row->value);
	}
}

/* Options of every verb come last: init has others of the same name. */
static void
print_value_cases(const struct cv_cli_program_verb *others, size_t other_count)
{
	size_t count, option_count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);
	const struct cv_cli_option *options = cv_cli_options(&option_count);

	for (size_t i = 0; i < count; i++)
		print_value_cases_of(&verbs[i]);
	for (size_t i = 0; i < other_count; i++)
		print_value_cases_of_program(&others[i]);
	for (size_t i = 0; i < option_count; i++) {
		if (options[i].kind != CV_CLI_GLOBAL || options[i].value == NULL)
			continue;
		(void)printf("\t*' --%s') candidates='", options[i].name);
		print_value(NULL, options[i].value);
		(void)fputs("' ;;\n", stdout);
	}
}

static void
print_verb_cases(const struct cv_cli_program_verb *others, size_t other_count)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < count; i++) {
		if (begins_verb(verbs, i) && verbs[i].act[0] != '\0') {
			(void)printf("\t\t'%s ') candidates='", verbs[i].verb);
			print_acts(others, other_count, verbs[i].verb);
			(void)fputs(" --help' ;;\n", stdout);
		}
		(void)printf("\t\t'%s %s') candidates='", verbs[i].verb, verbs[i].act);
		(void)fputs(cv_text_equal(verbs[i].arguments, "FILE") ? "@files" : "", stdout);
		print_options(&verbs[i]);
		(void)fputs("' ;;\n", stdout);
	}
	for (size_t i = 0; i < other_count; i++) {
		if (others[i].options == NULL)
			continue;
		(void)printf("\t\t'%s %s') candidates='", others[i].name, others[i].act);
		for (size_t at = 0; at < others[i].option_count; at++)
			(void)printf("--%s ", others[i].options[at].name);
		(void)fputs("--config --help' ;;\n", stdout);
	}
}

/* $previous, $verb and $act are set; sets $candidates, "@files" for the names of files. */
static void
print_cases(const struct cv_cli_program_verb *others, size_t other_count)
{
	(void)fputs("\tcase \"$verb $act $previous\" in\n"
		    "\t*' --config') candidates=@files ;;\n",
	    stdout);
	print_value_cases(others, other_count);
	(void)fputs("\t*)\n\t\tcase \"$verb $act\" in\n\t\t' ') candidates='", stdout);
	print_all_verbs(others, other_count);
	print_options(NULL);
	(void)fputs(" --config --version' ;;\n"
		    "\t\t'completion ') candidates='bash zsh fish' ;;\n",
	    stdout);
	print_verb_cases(others, other_count);
	(void)fputs("\t\tesac ;;\n\tesac\n", stdout);
}

/* Behind --config, each after the separator. */
static void
print_options_with_value(
    const struct cv_cli_program_verb *others, size_t other_count, const char *separator)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	for (size_t i = 0; i < count; i++) {
		if (options[i].value != NULL)
			(void)printf("%s--%s", separator, options[i].name);
	}
	for (size_t i = 0; i < other_count; i++) {
		for (size_t at = 0; at < others[i].option_count; at++)
			(void)printf("%s--%s", separator, others[i].options[at].name);
	}
}

/* Of the words before the cursor: what is neither an option nor its value. */
static void
print_scan(const struct cv_cli_program_verb *others, size_t other_count, const char *words,
    const char *from, const char *below)
{
	(void)printf("\tfor ((i = %s; i < %s; i++)); do\n\t\tcase ${%s[i]} in\n\t\t--config", from,
	    below, words);
	print_options_with_value(others, other_count, "|");
	(void)printf(") ((i++)) ;;\n\t\t-*) ;;\n"
		     "\t\t*) if [[ -z $verb ]]; then verb=${%s[i]}; elif [[ -z $act ]]; then "
		     "act=${%s[i]}; fi ;;\n\t\tesac\n\tdone\n",
	    words, words);
}

static void
print_bash(const struct cv_cli_program_verb *others, size_t count)
{
	(void)fputs(
	    "# bash completion of certvendor; made by: certvendor completion bash\n"
	    "_certvendor()\n{\n"
	    "\tlocal i verb= act= candidates=\n"
	    "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n",
	    stdout);
	print_scan(others, count, "COMP_WORDS", "1", "COMP_CWORD");
	print_cases(others, count);
	(void)fputs("\tCOMPREPLY=()\n"
		    "\tcase $candidates in @none) return ;; esac\n"
		    "\tif [[ $candidates == @files* ]]; then\n"
		    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
		    "\t\tcandidates=${candidates#@files}\n\tfi\n"
		    "\tmapfile -O ${#COMPREPLY[@]} -t COMPREPLY "
		    "< <(compgen -W \"$candidates\" -- \"$current\")\n"
		    "}\ncomplete -o filenames -F _certvendor certvendor\n",
	    stdout);
}

static void
print_zsh(const struct cv_cli_program_verb *others, size_t count)
{
	(void)fputs("#compdef certvendor\n"
		    "# zsh completion of certvendor; made by: certvendor completion zsh\n"
		    "_certvendor()\n{\n"
		    "\tlocal i verb= act= candidates=\n"
		    "\tlocal previous=${words[CURRENT - 1]}\n",
	    stdout);
	print_scan(others, count, "words", "2", "CURRENT");
	print_cases(others, count);
	(void)fputs("\tcase $candidates in\n\t@none) return ;;\n"
		    "\t@files*) _files; candidates=${candidates#@files} ;;\n\tesac\n"
		    "\tcompadd -- ${=candidates}\n"
		    "}\n"
		    "if [[ $funcstack[1] = _certvendor ]]; then _certvendor \"$@\"; else "
		    "compdef _certvendor certvendor; fi\n",
	    stdout);
}

/* ---- fish: one line a candidate, with its help ---- */

/* Does the verb ask the operator API, or may it yet be one that does? */
static void
print_fish_asks(const struct cv_cli_program_verb *others, size_t other_count)
{
	(void)fputs("function __certvendor_asks\n"
		    "\tset -l words (__certvendor_words)\n",
	    stdout);
	for (size_t i = 0; i < other_count; i++)
		(void)printf("\ttest \"$words[1..%d]\" = '%s%s%s'; and return 1\n",
		    others[i].act[0] == '\0' ? 1 : 2, others[i].name,
		    others[i].act[0] == '\0' ? "" : " ", others[i].act);
	(void)fputs("\treturn 0\nend\n", stdout);
}

/* And may it be asked with --factory? */
static void
print_fish_asks_of_one(void)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	(void)fputs("function __certvendor_asks_of_one\n"
		    "\t__certvendor_asks; or return 1\n"
		    "\tset -l words (__certvendor_words)\n",
	    stdout);
	for (size_t i = 0; i < count; i++) {
		if (!cv_cli_offers(&verbs[i], "factory"))
			(void)printf("\ttest \"$words[1..2]\" = '%s %s'; and return 1\n",
			    verbs[i].verb, verbs[i].act);
	}
	(void)fputs("\treturn 0\nend\n", stdout);
}

/* Where a global option is of use: NULL everywhere. */
static const char *
where_fish_offers(const char *option)
{
	if (cv_text_equal(option, "help"))
		return NULL;
	return cv_text_equal(option, "factory") ? "asks_of_one" : "asks";
}

static void
print_fish_scan(const struct cv_cli_program_verb *others, size_t other_count)
{
	(void)fputs("# fish completion of certvendor; made by: certvendor completion fish\n"
		    "function __certvendor_words\n"
		    "\tset -l is_value 0\n"
		    "\tfor word in (commandline -opc)[2..-1]\n"
		    "\t\tif test $is_value = 1\n\t\t\tset is_value 0\n\t\t\tcontinue\n\t\tend\n"
		    "\t\tswitch $word\n\t\t\tcase --config",
	    stdout);
	print_options_with_value(others, other_count, " ");
	(void)fputs("\n\t\t\t\tset is_value 1\n\t\t\tcase '-*'\n\t\t\tcase '*'\n"
		    "\t\t\t\techo $word\n\t\tend\n\tend\nend\n"
		    "function __certvendor_at\n"
		    "\ttest \"$(__certvendor_words)\" = \"$(string join \\n $argv)\"\nend\n"
		    "function __certvendor_in\n"
		    "\tset -l words (__certvendor_words)\n"
		    "\ttest \"$words[1..$(count $argv)]\" = \"$argv\"\nend\n"
		    "complete -c certvendor -f\n",
	    stdout);
	print_fish_asks(others, other_count);
	print_fish_asks_of_one();
}

static void
print_fish_candidate(const char *where, const char *word, const char *help)
{
	(void)printf("complete -c certvendor -n '__certvendor_at%s' -a '%s' -d ", where, word);
	print_quoted(help);
	(void)putchar('\n');
}

/* where NULL: everywhere. words NULL: any. */
static void
print_fish_option(
    const char *where, const char *name, const char *value, const char *words, const char *help)
{
	(void)fputs("complete -c certvendor", stdout);
	if (where != NULL)
		(void)printf(" -n '__certvendor_%s'", where);
	(void)printf(" -l %s", name);
	if (words != NULL) {
		(void)fputs(" -x -a '", stdout);
		print_words(words);
		(void)fputs("'", stdout);
	} else if (value != NULL) {
		(void)fputs(names_file(value) ? " -r -F" : " -x", stdout);
	}
	(void)fputs(" -d ", stdout);
	print_quoted(help);
	(void)putchar('\n');
}

static void
print_fish_verb(const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);
	char where[2 * WORD_SIZE], in[2 * WORD_SIZE + 3];

	if (verb->act[0] != '\0') {
		(void)snprintf(where, sizeof(where), " %s", verb->verb);
		print_fish_candidate(where, verb->act, verb->help);
	}
	(void)snprintf(
	    in, sizeof(in), "in %s%s%s", verb->verb, verb->act[0] == '\0' ? "" : " ", verb->act);
	if (cv_text_equal(verb->arguments, "FILE"))
		(void)printf("complete -c certvendor -n '__certvendor_%s' -F\n", in);
	for (size_t i = 0; i < count; i++) {
		if (options[i].kind != CV_CLI_GLOBAL && cv_cli_takes(verb, options[i].name))
			print_fish_option(in, options[i].name, options[i].value,
			    cv_cli_words(verb, &options[i]), options[i].help);
	}
}

static void
print_fish_other(const struct cv_cli_program_verb *other)
{
	char where[WORD_SIZE], in[2 * WORD_SIZE + 3];

	(void)snprintf(where, sizeof(where), " %s", other->name);
	(void)snprintf(
	    in, sizeof(in), "in %s%s%s", other->name, other->act[0] == '\0' ? "" : " ", other->act);
	if (other->act[0] == '\0')
		print_fish_candidate("", other->name, other->help);
	else
		print_fish_candidate(where, other->act, other->help);
	if (other->options != NULL)
		print_fish_option(in, "config", "FILE", NULL, CONFIG_HELP);
	for (size_t i = 0; i < other->option_count; i++)
		print_fish_option(in, other->options[i].name, other->options[i].value,
		    words_of_program(&other->options[i]), other->options[i].help);
}

static void
print_fish(const struct cv_cli_program_verb *others, size_t other_count)
{
	size_t count, option_count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);
	const struct cv_cli_option *options = cv_cli_options(&option_count);

	print_fish_scan(others, other_count);
	print_fish_option("at", "config", "FILE", NULL, CONFIG_HELP);
	print_fish_option("at", "version", NULL, NULL, "print the version");
	for (size_t i = 0; i < option_count; i++) {
		if (options[i].kind == CV_CLI_GLOBAL)
			print_fish_option(where_fish_offers(options[i].name), options[i].name,
			    options[i].value, NULL, options[i].help);
	}
	for (size_t i = 0; i < other_count; i++)
		print_fish_other(&others[i]);
	for (size_t i = 0; i < count; i++) {
		if (begins_verb(verbs, i))
			print_fish_candidate("", verbs[i].verb,
			    verbs[i].act[0] == '\0' ? verbs[i].help : verbs[i].verb);
		print_fish_verb(&verbs[i]);
	}
	(void)fputs(
	    "complete -c certvendor -n '__certvendor_at completion' -a 'bash zsh fish'\n", stdout);
}

/* ---- the verb ---- */

int
cv_cli_print_completion(
    const struct cv_cli_program_verb *others, size_t count, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(const struct cv_cli_program_verb *others, size_t count);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	const char *wanted = argc == 2 ? argv[1] : "";
	bool is_help = cv_text_equal(wanted, "--help") || cv_text_equal(wanted, "-h");

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (cv_text_equal(shells[i].name, wanted)) {
			shells[i].print(others, count);
			return 0;
		}
	}
	(void)fputs(
	    "usage: certvendor completion bash|zsh|fish\n"
	    "Prints what the shell needs to complete command lines, for example\n"
	    "  certvendor completion bash > /etc/bash_completion.d/certvendor\n"
	    "  certvendor completion zsh > /usr/local/share/zsh/site-functions/_certvendor\n"
	    "  certvendor completion fish > ~/.config/fish/completions/certvendor.fish\n",
	    is_help ? stdout : stderr);
	return is_help ? 0 : EXIT_USAGE;
}

void
cv_cli_print_verbs(FILE *stream)
{
	size_t count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);

	for (size_t i = 0; i < count; i++) {
		if (begins_verb(verbs, i))
			(void)fprintf(stream, "%s  %-20s ", i == 0 ? "" : "\n", verbs[i].verb);
		else
			(void)fputs(", ", stream);
		(void)fputs(verbs[i].act[0] == '\0' ? verbs[i].help : verbs[i].act, stream);
	}
	(void)fputs("\n", stream);
}

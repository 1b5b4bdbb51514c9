#include <string.h>

#include "cv/util/text.h"
#include "invocation_internal.h"

#define EXIT_USAGE 2
#define WORD_SIZE 48

/* ---- the tables as lines of a shell ---- */

/* Is this the first row of its verb? Rows of one verb stand together. */
static bool
begins_verb(const struct cv_cli_verb *verbs, size_t i)
{
	return i == 0 || !cv_text_equal(verbs[i - 1].verb, verbs[i].verb);
}

/* "a|b|c" are words to choose from; anything else says what is meant. */
static bool
has_choices(const struct cv_cli_option *option)
{
	return option->value != NULL && strchr(option->value, '|') != NULL;
}

static void
print_choices(const struct cv_cli_option *option)
{
	for (const char *at = option->value; *at != '\0'; at++)
		(void)putchar(*at == '|' ? ' ' : *at);
}

static void
print_options(const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	for (size_t i = 0; i < count; i++) {
		if (verb == NULL ? options[i].kind == CV_CLI_GLOBAL
				 : cv_cli_takes(verb, options[i].name))
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

/* $previous, $verb and $act are set; sets $candidates, "@files" for the names of files. */
static void
print_cases(const struct cv_cli_program_verb *others, size_t other_count)
{
	size_t count, option_count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);
	const struct cv_cli_option *options = cv_cli_options(&option_count);

	(void)fputs("\tcase $previous in\n\t--config) candidates=@files ;;\n", stdout);
	for (size_t i = 0; i < option_count; i++) {
		if (options[i].value == NULL)
			continue;
		(void)printf("\t--%s) candidates='", options[i].name);
		if (has_choices(&options[i]))
			print_choices(&options[i]);
		else
			(void)fputs(
			    cv_cli_option_is_file(&options[i]) ? "@files" : "@none", stdout);
		(void)fputs("' ;;\n", stdout);
	}
	(void)fputs("\t*)\n\t\tcase \"$verb $act\" in\n\t\t' ') candidates='", stdout);
	print_all_verbs(others, other_count);
	print_options(NULL);
	(void)fputs(" --config' ;;\n", stdout);
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
	(void)fputs("\t\t'completion ') candidates='bash zsh fish' ;;\n"
		    "\t\t*) candidates='--config --help' ;;\n\t\tesac ;;\n\tesac\n",
	    stdout);
}

/* Of the words before the cursor: what is neither an option nor its value. */
static void
print_scan(const char *words, const char *from, const char *below)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	(void)printf("\tfor ((i = %s; i < %s; i++)); do\n\t\tcase ${%s[i]} in\n\t\t--config", from,
	    below, words);
	for (size_t i = 0; i < count; i++) {
		if (options[i].value != NULL)
			(void)printf("|--%s", options[i].name);
	}
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
	print_scan("COMP_WORDS", "1", "COMP_CWORD");
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
	print_scan("words", "2", "CURRENT");
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

static void
print_fish_scan(void)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	(void)fputs("# fish completion of certvendor; made by: certvendor completion fish\n"
		    "function __certvendor_words\n"
		    "\tset -l is_value 0\n"
		    "\tfor word in (commandline -opc)[2..-1]\n"
		    "\t\tif test $is_value = 1\n\t\t\tset is_value 0\n\t\t\tcontinue\n\t\tend\n"
		    "\t\tswitch $word\n\t\t\tcase --config",
	    stdout);
	for (size_t i = 0; i < count; i++) {
		if (options[i].value != NULL)
			(void)printf(" --%s", options[i].name);
	}
	(void)fputs("\n\t\t\t\tset is_value 1\n\t\t\tcase '-*'\n\t\t\tcase '*'\n"
		    "\t\t\t\techo $word\n\t\tend\n\tend\nend\n"
		    "function __certvendor_at\n"
		    "\ttest \"$(__certvendor_words)\" = \"$(string join \\n $argv)\"\nend\n"
		    "function __certvendor_in\n"
		    "\tset -l words (__certvendor_words)\n"
		    "\ttest \"$words[1..$(count $argv)]\" = \"$argv\"\nend\n"
		    "complete -c certvendor -f\n",
	    stdout);
}

static void
print_fish_candidate(const char *where, const char *word, const char *help)
{
	(void)printf("complete -c certvendor -n '__certvendor_at%s' -a '%s' -d ", where, word);
	print_quoted(help);
	(void)putchar('\n');
}

/* where NULL: everywhere. */
static void
print_fish_option(const char *where, const struct cv_cli_option *option)
{
	(void)fputs("complete -c certvendor", stdout);
	if (where != NULL)
		(void)printf(" -n '__certvendor_in %s'", where);
	(void)printf(" -l %s", option->name);
	if (cv_cli_option_is_file(option))
		(void)fputs(" -r -F", stdout);
	else if (option->value != NULL)
		(void)fputs(" -x", stdout);
	if (has_choices(option)) {
		(void)fputs(" -a '", stdout);
		print_choices(option);
		(void)fputs("'", stdout);
	}
	(void)fputs(" -d ", stdout);
	print_quoted(option->help);
	(void)putchar('\n');
}

static void
print_fish_verb(const struct cv_cli_verb *verb)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);
	char where[2 * WORD_SIZE];

	if (verb->act[0] != '\0') {
		(void)snprintf(where, sizeof(where), " %s", verb->verb);
		print_fish_candidate(where, verb->act, verb->help);
	}
	(void)snprintf(
	    where, sizeof(where), "%s%s%s", verb->verb, verb->act[0] == '\0' ? "" : " ", verb->act);
	if (cv_text_equal(verb->arguments, "FILE"))
		(void)printf("complete -c certvendor -n '__certvendor_in %s' -F\n", where);
	for (size_t i = 0; i < count; i++) {
		if (options[i].kind != CV_CLI_GLOBAL && cv_cli_takes(verb, options[i].name))
			print_fish_option(where, &options[i]);
	}
}

static void
print_fish_other(const struct cv_cli_program_verb *other)
{
	char where[WORD_SIZE];

	(void)snprintf(where, sizeof(where), " %s", other->name);
	if (other->act[0] == '\0')
		print_fish_candidate("", other->name, other->help);
	else
		print_fish_candidate(where, other->act, other->help);
}

static void
print_fish(const struct cv_cli_program_verb *others, size_t other_count)
{
	static const struct cv_cli_option config = {
	    "config", CV_CLI_GLOBAL, "FILE", NULL, "settings (CERTVENDOR_CONFIG)"};
	size_t count, option_count;
	const struct cv_cli_verb *verbs = cv_cli_verbs(&count);
	const struct cv_cli_option *options = cv_cli_options(&option_count);

	print_fish_scan();
	print_fish_option(NULL, &config);
	for (size_t i = 0; i < option_count; i++) {
		if (options[i].kind == CV_CLI_GLOBAL)
			print_fish_option(NULL, &options[i]);
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
			return fflush(stdout) == 0 ? 0 : 1;
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

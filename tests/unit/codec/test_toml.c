#include "cv/codec/toml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct merge_row {
	const char *lower, *upper;
	const char *merged; /* NULL: refused */
};

static const struct merge_row merge_rows[] = {
    {"", "", ""},
    {"# only a comment\n\n", " \t\r\n", ""},
    {"a = 1", "", "a = 1\n"},
    {"a = 1\nb = 2\n", "b=3\r\nc = 4", "a = 1\nb = 3\nc = 4\n"},
    {"[t]\na = 1\n", "a = 2\n", "a = 2\n[t]\na = 1\n"},
    {"[t]\na = 1\n[u]\nb = 1\n", "[u]\nb = 2\n[t]\nc = 3\n", "[t]\na = 1\nc = 3\n[u]\nb = 2\n"},
    {"[ t ] # of the group\na = \"x # y\" # a comment\n", "[t]\nb = 'c:\\'\n",
	"[t]\na = \"x # y\"\nb = 'c:\\'\n"},
    {"a = \"a \\\" = # b\"\n", "", "a = \"a \\\" = # b\"\n"},
    {"\"a = b\" = [1, [2, \"]\"]]\n", "c.d = {e = 1}\n",
	"\"a = b\" = [1, [2, \"]\"]]\nc.d = {e = 1}\n"},
    {"[t.\"a]b\"]\nx = 1\n", "", "[t.\"a]b\"]\nx = 1\n"},
    {"[t]\n[u]\na = 1\n[t]\nb = 2\n", "", "[u]\na = 1\n[t]\nb = 2\n"},
    /* What is refused, beside what it nearly was. */
    {"a = [1]\n", "", "a = [1]\n"},
    {"a = [\n1]\n", "", NULL},
    {"a = 1]\n", "", NULL},
    {"a = \"\"\"\nx\n\"\"\"\n", "", NULL},
    {"a = '''x'''\n", "", NULL},
    {"a = \"\"\n", "", "a = \"\"\n"},
    {"a = \"open\n", "", NULL},
    {"a = 'open\n", "", NULL},
    {"[t]\n", "[[t]]\n", NULL},
    {"[t]\n", "[ [t]\n", NULL},
    {"[]\n", "", NULL},
    {"[t\n", "", NULL},
    {"[t] a\n", "", NULL},
    {"a\n", "", NULL},
    {"= 1\n", "", NULL},
    {"a =\n", "", NULL},
    {"", "a = \\", "a = \\\n"},
    {"a = \"\\", "", NULL},
};

Test(toml, merges_key_by_key_or_not_at_all)
{
	for (size_t i = 0; i < sizeof(merge_rows) / sizeof(merge_rows[0]); i++) {
		const struct merge_row *row = &merge_rows[i];
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
		bool is_merged = cv_toml_merge(row->lower, row->upper, &text);

		cr_expect_eq(is_merged, row->merged != NULL, "row %zu", i);
		cr_expect_str_eq(
		    cv_buffer_text(&text), row->merged ? row->merged : "", "row %zu", i);
	}
}

static void
append_keys(struct cv_buffer *text, int first, int count)
{
	for (int i = 0; i < count; i++)
		cv_buffer_printf(text, "k%d = 1\n", first + i);
}

Test(toml, takes_so_many_keys)
{
	CV_AUTO_BUFFER struct cv_buffer most = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer others = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer merged = CV_BUFFER_INIT;

	append_keys(&most, 0, 1000);
	append_keys(&others, 1000, 1000);
	cr_expect(cv_toml_merge(cv_buffer_text(&most), cv_buffer_text(&others), &merged));
	append_keys(&others, 2000, 1);
	cr_expect_not(cv_toml_merge(cv_buffer_text(&most), cv_buffer_text(&others), &merged));
	append_keys(&most, 2001, 1);
	cr_expect_not(cv_toml_merge(cv_buffer_text(&most), "", &merged));
}

#include "cv/codec/table.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"

#define COLUMNS_MAX 32
#define GAP 2
#define SHORTEST_CELL 8
#define DEPTH_MAX 8
#define SHORTENED ".."
#define MAY_BE_CUT '~'
#define NAME_WIDTH 24
#define SECONDS_LEN 19 /* of a time (RFC 3339), up to its seconds */

#define MEMBER_SIZE 48

struct column {
	char member[MEMBER_SIZE];
	bool may_be_cut;
	size_t width;
	size_t shortest; /* width where it may be cut, too */
};

struct table {
	const json_t *rows;
	struct column columns[COLUMNS_MAX];
	size_t count;
};

static void
value_cleanup(json_t **value)
{
	json_decref(*value);
}
#define AUTO_JSON __attribute__((cleanup(value_cleanup)))

static json_t *
parse(struct cv_bytes json)
{
	return json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool
is_plain(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static void
append_plain(struct cv_buffer *cell, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		cv_buffer_append_printable(cell, json_string_value(value));
		return;
	case JSON_INTEGER:
		cv_buffer_printf(cell, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	case JSON_REAL:
		cv_buffer_printf(cell, "%g", json_real_value(value));
		return;
	case JSON_TRUE:
		cv_buffer_append_text(cell, "yes");
		return;
	case JSON_FALSE:
		cv_buffer_append_text(cell, "no");
		return;
	case JSON_NULL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		cv_buffer_append_text(cell, "-");
		return;
	}
}

/* One cell: a plain value, or a list of plain values with commas. */
static void
append_cell(struct cv_buffer *cell, const json_t *value)
{
	if (value == NULL || (json_is_array(value) && json_array_size(value) == 0)) {
		cv_buffer_append_text(cell, "-");
	} else if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			cv_buffer_append_text(cell, i == 0 ? "" : ",");
			append_plain(cell, json_array_get(value, i));
		}
	} else {
		append_plain(cell, value);
	}
}

/* Characters on the screen: bytes that begin one in UTF-8. */
static size_t
count_characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80)
			count++;
	}
	return count;
}

static bool
fits_a_cell(const json_t *value)
{
	return is_plain(value) || (json_is_array(value) && (json_array_size(value) == 0 ||
							       is_plain(json_array_get(value, 0))));
}

static void
add_column(struct table *table, const char *member, size_t len, bool may_be_cut)
{
	struct column *column = &table->columns[table->count];

	for (size_t i = 0; i < table->count; i++) {
		if (strncmp(table->columns[i].member, member, len) == 0 &&
		    table->columns[i].member[len] == '\0')
			return;
	}
	if (table->count < COLUMNS_MAX && len < MEMBER_SIZE) {
		memcpy(column->member, member, len);
		column->member[len] = '\0';
		column->may_be_cut = may_be_cut;
		table->count++;
	}
}

static void
find_columns(struct table *table)
{
	for (size_t i = 0; i < json_array_size(table->rows); i++) {
		json_t *row = json_array_get(table->rows, i);
		for (void *at = json_object_iter(row); at != NULL;
		     at = json_object_iter_next(row, at)) {
			const char *member = json_object_iter_key(at);
			if (fits_a_cell(json_object_iter_value(at)))
				add_column(table, member, strlen(member), false);
		}
	}
}

static void
take_columns(struct table *table, const char *columns)
{
	while (*columns != '\0' && json_array_size(table->rows) > 0) {
		size_t len = strcspn(columns, " ");
		bool may_be_cut = len > 0 && columns[len - 1] == MAY_BE_CUT;
		add_column(table, columns, may_be_cut ? len - 1 : len, may_be_cut);
		columns += len;
		columns += strspn(columns, " ");
	}
}

/* Is it "2027-01-01T00:00:00.123456+00:00", with or without the fraction, or with Z? */
static bool
is_time(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";

	for (size_t i = 0; i < SECONDS_LEN; i++) {
		if (shape[i] == 'd' ? isdigit((unsigned char)text[i]) == 0 : text[i] != shape[i])
			return false;
	}
	text += SECONDS_LEN;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	return cv_text_equal(text, "Z") || cv_text_equal(text, "+00:00");
}

/* As a table shows it: of a time no fraction, so that it fits a terminal. */
static void
append_table_cell(struct cv_buffer *cell, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL || !is_time(text)) {
		append_cell(cell, value);
		return;
	}
	cv_buffer_append(cell, text, SECONDS_LEN);
	cv_buffer_append_text(cell, "Z");
}

static void
measure_column(const struct table *table, struct column *column)
{
	CV_AUTO_BUFFER struct cv_buffer cell = CV_BUFFER_INIT;
	size_t heading = count_characters(column->member);

	column->width = heading;
	for (size_t row = 0; row < json_array_size(table->rows); row++) {
		cv_buffer_reset(&cell);
		append_table_cell(
		    &cell, json_object_get(json_array_get(table->rows, row), column->member));
		size_t width = count_characters(cv_buffer_text(&cell));
		if (width > column->width)
			column->width = width;
	}
	column->shortest = column->width;
	if (column->may_be_cut && column->width > SHORTEST_CELL)
		column->shortest = heading > SHORTEST_CELL ? heading : SHORTEST_CELL;
}

/* How wide the first columns are, each as it is or as short as it may be. */
static size_t
total_width(const struct table *table, bool is_shortest)
{
	size_t total = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct column *column = &table->columns[i];
		total += (is_shortest ? column->shortest : column->width) + (i == 0 ? 0 : GAP);
	}
	return total;
}

/* Leaves out the last columns until the rest fits when it is cut, then takes from the widest that
 * may be cut. The first column stays. Returns how many are left out. */
static size_t
shorten(struct table *table, size_t width)
{
	size_t count = table->count;

	while (table->count > 1 && total_width(table, true) > width)
		table->count--;
	while (total_width(table, false) > width) {
		struct column *widest = NULL;
		for (size_t i = 0; i < table->count; i++) {
			struct column *column = &table->columns[i];
			if (column->width > column->shortest &&
			    (widest == NULL || column->width > widest->width))
				widest = column;
		}
		if (widest == NULL)
			break;
		widest->width--;
	}
	return count - table->count;
}

/* The text in exactly its column's width; the last column is not padded. */
static void
append_padded(struct cv_buffer *text, const char *cell, size_t width, bool is_last)
{
	size_t len = count_characters(cell);
	size_t kept = len > width ? width - strlen(SHORTENED) : len;
	const char *at = cell;

	for (size_t i = 0; *at != '\0'; at++) {
		if (((unsigned char)*at & 0xc0) != 0x80 && i++ == kept)
			break;
		cv_buffer_append_byte(text, (uint8_t)*at);
	}
	if (len > width)
		cv_buffer_append_text(text, SHORTENED);
	for (size_t i = len > width ? width : len; !is_last && i < width + GAP; i++)
		cv_buffer_append_byte(text, ' ');
}

static void
append_heading(const struct table *table, struct cv_buffer *text)
{
	for (size_t i = 0; i < table->count; i++) {
		CV_AUTO_BUFFER struct cv_buffer heading = CV_BUFFER_INIT;
		cv_buffer_append_printable(&heading, table->columns[i].member);
		for (size_t at = 0; at < heading.len; at++)
			heading.data[at] =
			    heading.data[at] == '_' ? ' ' : (uint8_t)toupper(heading.data[at]);
		append_padded(
		    text, cv_buffer_text(&heading), table->columns[i].width, i + 1 == table->count);
	}
	cv_buffer_append_text(text, "\n");
}

static void
append_rows(const struct table *table, struct cv_buffer *text)
{
	CV_AUTO_BUFFER struct cv_buffer cell = CV_BUFFER_INIT;

	for (size_t row = 0; row < json_array_size(table->rows); row++) {
		for (size_t i = 0; i < table->count; i++) {
			cv_buffer_reset(&cell);
			append_table_cell(&cell, json_object_get(json_array_get(table->rows, row),
						     table->columns[i].member));
			append_padded(text, cv_buffer_text(&cell), table->columns[i].width,
			    i + 1 == table->count);
		}
		cv_buffer_append_text(text, "\n");
	}
}

static const json_t *
find_rows(json_t *document)
{
	if (json_is_array(document))
		return document;
	for (void *at = json_object_iter(document); at != NULL;
	     at = json_object_iter_next(document, at)) {
		if (json_is_array(json_object_iter_value(at)))
			return json_object_iter_value(at);
	}
	return NULL;
}

/* columns NULL: all that there are. */
static void
append_table(const json_t *rows, const char *columns, size_t width, struct cv_buffer *text)
{
	struct table table = {.rows = rows};
	size_t left_out = 0;

	if (columns == NULL)
		find_columns(&table);
	else
		take_columns(&table, columns);
	for (size_t i = 0; i < table.count; i++)
		measure_column(&table, &table.columns[i]);
	if (width > 0)
		left_out = shorten(&table, width);
	if (table.count == 0) {
		cv_buffer_append_text(text, "none\n");
	} else {
		append_heading(&table, text);
		append_rows(&table, text);
	}
	if (left_out > 0)
		cv_buffer_printf(text,
		    "%zu column%s left out: see --json, a pipe or a wider terminal\n", left_out,
		    left_out == 1 ? "" : "s");
}

bool
cv_table_append_list(struct cv_bytes json, const char *columns, size_t width,
    struct cv_buffer *text, struct cv_error *err)
{
	AUTO_JSON json_t *document = parse(json);

	if (document == NULL)
		return cv_fail(err, CV_E_INPUT, "the answer is not JSON");
	const json_t *rows = find_rows(document);
	if (rows == NULL)
		return cv_fail(err, CV_E_INPUT, "the answer has no list");
	append_table(rows, columns, width, text);
	return !text->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a table");
}

bool
cv_table_append_page(struct cv_bytes json, struct cv_buffer *items, struct cv_buffer *ret_next,
    size_t *ret_count, struct cv_error *err)
{
	AUTO_JSON json_t *document = parse(json);
	const json_t *rows = json_object_get(document, "items");
	const char *next = json_string_value(json_object_get(document, "next"));

	if (!json_is_array(rows))
		return cv_fail(err, CV_E_INPUT, "the answer is no page of a list");
	*ret_count = json_array_size(rows);
	for (size_t i = 0; i < *ret_count; i++) {
		CV_AUTO_MEMORY char *item =
		    json_dumps(json_array_get(rows, i), JSON_COMPACT | JSON_ENCODE_ANY);
		if (item == NULL)
			return cv_fail(err, CV_E_MEMORY, "no memory for a list");
		cv_buffer_append_text(items, items->len == 0 ? "" : ",");
		cv_buffer_append_text(items, item);
	}
	cv_buffer_append_text(ret_next, next == NULL ? "" : next);
	return !items->has_failed || cv_fail(err, CV_E_LIMIT, "the list is too long");
}

struct lines {
	struct cv_buffer *text; /* NULL: names are only measured */
	size_t width;           /* of the longest name */
};

static void
append_line(struct lines *lines, const char *name, const json_t *value)
{
	size_t width = count_characters(name);

	if (lines->text == NULL) {
		lines->width = width > lines->width ? width : lines->width;
		return;
	}
	cv_buffer_append_printable(lines->text, name);
	for (size_t i = width; i < lines->width + GAP; i++)
		cv_buffer_append_byte(lines->text, ' ');
	append_cell(lines->text, value);
	cv_buffer_append_text(lines->text, "\n");
}

static void append_members(struct lines *lines, const char *prefix, json_t *object, unsigned depth);

static void
append_member(struct lines *lines, const char *name, json_t *value, unsigned depth)
{
	char inner[256];

	if (json_is_object(value)) {
		append_members(lines, name, value, depth + 1);
	} else if (json_is_array(value) && !fits_a_cell(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			(void)snprintf(inner, sizeof(inner), "%s.%zu", name, i + 1);
			append_member(lines, inner, json_array_get(value, i), depth + 1);
		}
	} else {
		append_line(lines, name, value);
	}
}

static void
append_members(struct lines *lines, const char *prefix, json_t *object, unsigned depth)
{
	char name[256];

	if (depth > DEPTH_MAX)
		return;
	for (void *at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		(void)snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".",
		    json_object_iter_key(at));
		append_member(lines, name, json_object_iter_value(at), depth);
	}
}

static void
append_object(struct cv_buffer *text, json_t *object)
{
	struct lines lines = {.width = NAME_WIDTH};

	append_members(&lines, "", object, 0);
	lines.text = text;
	append_members(&lines, "", object, 0);
}

bool
cv_table_append_object(struct cv_bytes json, struct cv_buffer *text, struct cv_error *err)
{
	AUTO_JSON json_t *document = parse(json);

	if (!json_is_object(document))
		return cv_fail(err, CV_E_INPUT, "the answer is not a JSON object");
	append_object(text, document);
	return !text->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a table");
}

/* Takes the lists of objects out of an object and shows them; what is left is for lines. */
static void
take_tables(json_t *object, size_t width, struct cv_buffer *tables)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name, value)
	{
		if (json_is_object(value))
			take_tables(value, width, tables);
		if (!json_is_array(value) || fits_a_cell(value))
			continue;
		cv_buffer_append_text(tables, "\n");
		cv_buffer_append_printable(tables, name);
		cv_buffer_append_text(tables, ":\n");
		append_table(value, NULL, width, tables);
		(void)json_object_del(object, name);
	}
}

bool
cv_table_append_screen(
    struct cv_bytes json, size_t width, struct cv_buffer *text, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer tables = CV_BUFFER_INIT;
	AUTO_JSON json_t *document = parse(json);

	if (!json_is_object(document))
		return cv_fail(err, CV_E_INPUT, "the answer is not a JSON object");
	take_tables(document, width, &tables);
	append_object(text, document);
	cv_buffer_append(text, tables.data, tables.len);
	return !(text->has_failed || tables.has_failed) ||
	       cv_fail(err, CV_E_MEMORY, "no memory for a screen");
}

bool
cv_table_find_text(struct cv_bytes json, const char *member, struct cv_buffer *text)
{
	AUTO_JSON json_t *document = parse(json);

	const char *value = json_string_value(json_object_get(document, member));
	if (value == NULL)
		return false;
	cv_buffer_append_text(text, value);
	return !text->has_failed;
}

bool
cv_table_find_true(struct cv_bytes json, const char *member)
{
	AUTO_JSON json_t *document = parse(json);

	return json_is_true(json_object_get(document, member));
}

bool
cv_table_find_number(struct cv_bytes json, const char *member, int64_t *ret_number)
{
	AUTO_JSON json_t *document = parse(json);
	const json_t *number = json_object_get(document, member);

	if (!json_is_integer(number))
		return false;
	*ret_number = json_integer_value(number);
	return true;
}

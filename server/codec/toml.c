#include "cv/codec/toml.h"

#include <stdlib.h>
#include <string.h>

#include "cv/util/auto.h"

#define KEYS_MAX 1000 /* of one text */

struct entry {
	struct cv_bytes table; /* "": before the first table */
	struct cv_bytes key;
	struct cv_bytes value;
};

struct document {
	struct entry *entries;
	size_t count;
};

static struct cv_bytes
trim(struct cv_bytes text)
{
	while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = cv_bytes(text.data + 1, text.len - 1);
	while (text.len > 0 && strchr(" \t\r", text.data[text.len - 1]) != NULL)
		text.len--;
	return text;
}

/* How far the text goes until this byte outside of strings, or all of it. False: a string does not
 * end, or is one of several lines. */
static bool
find_unquoted(struct cv_bytes text, uint8_t wanted, size_t *ret_at)
{
	uint8_t quote = 0;
	size_t at = 0;

	for (; at < text.len && (quote != 0 || text.data[at] != wanted); at++) {
		uint8_t byte = text.data[at];
		if (quote == '"' && byte == '\\')
			at++;
		else if (byte == quote)
			quote = 0;
		else if (quote == 0 && (byte == '"' || byte == '\''))
			quote = byte;
		if (at + 2 < text.len && (byte == '"' || byte == '\'') &&
		    text.data[at + 1] == byte && text.data[at + 2] == byte)
			return false;
	}
	*ret_at = at > text.len ? text.len : at;
	return quote == 0;
}

/* Are all brackets closed on the line? */
static bool
is_balanced(struct cv_bytes value)
{
	uint8_t quote = 0;
	int depth = 0;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.data[i];
		if (quote == '"' && byte == '\\')
			i++;
		else if (byte == quote)
			quote = 0;
		else if (quote == 0 && (byte == '"' || byte == '\''))
			quote = byte;
		else if (quote == 0 && (byte == '[' || byte == '{'))
			depth++;
		else if (quote == 0 && (byte == ']' || byte == '}') && --depth < 0)
			return false;
	}
	return depth == 0 && quote == 0;
}

/* "[name]", without arrays of tables. */
static bool
read_table(struct cv_bytes line, struct cv_bytes *ret_table)
{
	size_t end;

	if (!find_unquoted(cv_bytes(line.data + 1, line.len - 1), ']', &end) || end + 2 != line.len)
		return false;
	*ret_table = trim(cv_bytes(line.data + 1, end));
	return ret_table->len > 0 && ret_table->data[0] != '[';
}

static bool
read_key(struct cv_bytes line, struct entry *ret_entry)
{
	size_t equals;

	if (!find_unquoted(line, '=', &equals) || equals == line.len)
		return false;
	ret_entry->key = trim(cv_bytes(line.data, equals));
	ret_entry->value = trim(cv_bytes(line.data + equals + 1, line.len - equals - 1));
	return ret_entry->key.len > 0 && ret_entry->value.len > 0 && is_balanced(ret_entry->value);
}

/* The entry of this table and key, or a new one behind the others. NULL: there is no room. */
static struct entry *
place_of(struct document *document, const struct entry *entry)
{
	for (size_t i = 0; i < document->count; i++) {
		struct entry *each = &document->entries[i];
		if (cv_bytes_equal(each->table, entry->table) &&
		    cv_bytes_equal(each->key, entry->key))
			return each;
	}
	return document->count == 2 * (size_t)KEYS_MAX ? NULL
						       : &document->entries[document->count++];
}

static bool
read_line(struct document *document, struct cv_bytes line, struct cv_bytes *table)
{
	struct entry entry = {.table = *table};
	struct entry *place;
	size_t comment;

	if (!find_unquoted(line, '#', &comment))
		return false;
	line = trim(cv_bytes(line.data, comment));
	if (line.len == 0)
		return true;
	if (line.data[0] == '[')
		return read_table(line, table);
	if (!read_key(line, &entry))
		return false;
	place = place_of(document, &entry);
	if (place == NULL)
		return false;
	*place = entry;
	return true;
}

static bool
read_text(struct document *document, const char *text)
{
	struct cv_bytes table = cv_bytes("", 0);

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		if (!read_line(document, cv_bytes(text, len), &table))
			return false;
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	return true;
}

static void
append_bytes(struct cv_buffer *buffer, struct cv_bytes bytes)
{
	cv_buffer_append(buffer, bytes.data, bytes.len);
}

static void
append_table(struct cv_buffer *text, const struct document *document, struct cv_bytes table)
{
	if (table.len > 0) {
		cv_buffer_append_byte(text, '[');
		append_bytes(text, table);
		cv_buffer_append_text(text, "]\n");
	}
	for (size_t i = 0; i < document->count; i++) {
		const struct entry *entry = &document->entries[i];
		if (!cv_bytes_equal(entry->table, table))
			continue;
		append_bytes(text, entry->key);
		cv_buffer_append_text(text, " = ");
		append_bytes(text, entry->value);
		cv_buffer_append_byte(text, '\n');
	}
}

static bool
is_first_of_table(const struct document *document, size_t number)
{
	for (size_t i = 0; i < number; i++) {
		if (cv_bytes_equal(document->entries[i].table, document->entries[number].table))
			return false;
	}
	return true;
}

bool
cv_toml_merge(const char *lower, const char *upper, struct cv_buffer *ret_text)
{
	CV_AUTO_MEMORY struct entry *entries = calloc(2 * (size_t)KEYS_MAX, sizeof(*entries));
	struct document document = {.entries = entries};

	if (entries == NULL || !read_text(&document, lower) || document.count > KEYS_MAX ||
	    !read_text(&document, upper))
		return false;
	/* Keys without a table would belong to the table before them. */
	append_table(ret_text, &document, cv_bytes("", 0));
	for (size_t i = 0; i < document.count; i++) {
		if (document.entries[i].table.len > 0 && is_first_of_table(&document, i))
			append_table(ret_text, &document, document.entries[i].table);
	}
	return true;
}

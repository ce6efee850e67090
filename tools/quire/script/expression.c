/*
 * Expressions: integers with the usual precedence, words, variables and queries. Overflow and division by zero are errors.
 * Recursive descent; brackets nest at most DEPTH deep.
 */
#define _GNU_SOURCE
#include "script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32

struct reader {
	struct script *s;
	const char *at;
	unsigned depth;
	char *why;
};

static bool wrong(struct reader *r, const char *what, const char *word)
{
	snprintf(r->why, SCRIPT_WHY, "%s%.60s%s", what, word ? word : "", word ? "'" : "");
	return false;
}

static void skip_spaces(struct reader *r)
{
	r->at += strspn(r->at, " \t");
}

static bool accept(struct reader *r, char c)
{
	skip_spaces(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static bool sum(struct reader *r, struct script_value *value);

/* A run of characters that may stand in a number or a name. */
static bool read_word(struct reader *r, char *word, size_t size)
{
	size_t length = 0;

	while (isalnum((unsigned char)r->at[length]) || r->at[length] == '_')
		length++;
	if (!length || length >= size)
		return wrong(r, length ? "this name is too long" : "something is missing at '", length ? NULL : r->at);
	memcpy(word, r->at, length);
	word[length] = '\0';
	r->at += length;
	return true;
}

static bool plain_word(struct reader *r, const char *word, struct script_value *value)
{
	enum quire_zone_type zone;
	enum quire_status status;

	if (strcmp(word, "last") == 0) {
		if (r->s->last == QUIRE_STATUSES)
			return wrong(r, "nothing was requested yet: 'last", "");
		*value = (struct script_value){ r->s->last, SCRIPT_STATUS };
	} else if (strcmp(word, "got") == 0) {
		*value = (struct script_value){ (int64_t)r->s->got, SCRIPT_PLAIN };
	} else if (script_status_by_word(word, &status)) {
		*value = (struct script_value){ status, SCRIPT_STATUS };
	} else if (script_zone(word, &zone)) {
		*value = (struct script_value){ zone, SCRIPT_ZONE };
	} else {
		for (size_t i = 0; i < r->s->variable_count; i++)
			if (strcmp(r->s->variables[i].name, word) == 0) {
				*value = (struct script_value){ r->s->variables[i].value, SCRIPT_PLAIN };
				return true;
			}
		return wrong(r, "there is no variable, word or query '", word);
	}
	return true;
}

/* NAME(arguments): cut the arguments out. */
static bool call(struct reader *r, const char *name, struct script_value *value)
{
	size_t length = strcspn(r->at, "()");
	char arguments[256];

	if (r->at[length] != ')')
		return wrong(r, "a bracket is not closed behind '", name);
	if (length >= sizeof(arguments))
		return wrong(r, "too many arguments for '", name);
	memcpy(arguments, r->at, length);
	arguments[length] = '\0';
	r->at += length + 1;
	return script_query(r->s, name, arguments, value, r->why);
}

static bool number(struct reader *r, const char *word, struct script_value *value)
{
	uint64_t n;

	if (!script_number(word, &n) || n > INT64_MAX)
		return wrong(r, "this is no number: '", word);
	*value = (struct script_value){ (int64_t)n, SCRIPT_PLAIN };
	return true;
}

static bool bracket(struct reader *r, struct script_value *value)
{
	bool fine;

	if (r->depth == DEPTH)
		return wrong(r, "brackets are nested too deep", NULL);
	r->depth++;
	fine = sum(r, value);
	r->depth--;
	if (fine && !accept(r, ')'))
		return wrong(r, "a bracket is not closed", NULL);
	return fine;
}

static bool unary(struct reader *r, struct script_value *value)
{
	bool negative = false;
	char word[64];

	while (accept(r, '-'))
		negative = !negative;
	if (accept(r, '(')) {
		if (!bracket(r, value))
			return false;
	} else {
		if (!read_word(r, word, sizeof(word)))
			return false;
		if (isdigit((unsigned char)word[0])) {
			if (!number(r, word, value))
				return false;
		} else if (accept(r, '(') ? !call(r, word, value) : !plain_word(r, word, value)) {
			return false;
		}
	}
	if (negative && __builtin_sub_overflow(0, value->number, &value->number))
		return wrong(r, "the number is too large", NULL);
	return true;
}

static bool apply(struct reader *r, char operator, struct script_value *left, const struct script_value *right)
{
	bool overflow = false;

	left->flavour = SCRIPT_PLAIN;
	if ((operator == '/' || operator == '%') && right->number == 0)
		return wrong(r, "division by zero", NULL);
	if ((operator == '/' || operator == '%') && right->number == -1) {
		overflow = operator == '/' && __builtin_sub_overflow(0, left->number, &left->number);
		left->number = operator == '%' ? 0 : left->number;
	} else if (operator == '/') {
		left->number /= right->number;
	} else if (operator == '%') {
		left->number %= right->number;
	} else if (operator == '*') {
		overflow = __builtin_mul_overflow(left->number, right->number, &left->number);
	} else if (operator == '+') {
		overflow = __builtin_add_overflow(left->number, right->number, &left->number);
	} else {
		overflow = __builtin_sub_overflow(left->number, right->number, &left->number);
	}
	return overflow ? wrong(r, "the result is too large", NULL) : true;
}

/* operand { operator operand }, left to right. */
static bool chain(struct reader *r, const char *operators, bool (*operand)(struct reader *, struct script_value *),
		  struct script_value *value)
{
	struct script_value right;

	if (!operand(r, value))
		return false;
	for (skip_spaces(r); *r->at && strchr(operators, *r->at); skip_spaces(r)) {
		char operator = *r->at++;

		if (!operand(r, &right) || !apply(r, operator, value, &right))
			return false;
	}
	return true;
}

static bool product(struct reader *r, struct script_value *value) { return chain(r, "*/%", unary, value); }
static bool sum(struct reader *r, struct script_value *value) { return chain(r, "+-", product, value); }

bool script_evaluate(struct script *s, const char *text, struct script_value *value, const char **end, char *why)
{
	struct reader r = { .s = s, .at = text, .why = why };

	if (!sum(&r, value))
		return false;
	skip_spaces(&r);
	*end = r.at;
	return true;
}

/* --- comparisons ----------------------------------------------------------------------------------------------------- */

static bool holds_for(const char *operator, size_t length, int64_t a, int64_t b)
{
	bool equal = a == b;

	if (length == 2 && *operator != '<' && *operator != '>')
		return *operator == '=' ? equal : !equal;
	return (*operator == '<' ? a < b : a > b) || (length == 2 && equal);
}

bool script_compare(struct script *s, const char *text, bool *holds, struct script_value *left, char *why)
{
	struct script_value right;
	const char *end, *operator;
	size_t length;

	if (!script_evaluate(s, text, left, &end, why))
		return false;
	*holds = left->number != 0;
	if (!*end)
		return true;
	operator = end;
	length = strspn(end, "=!<>");
	if (!length || length > 2 || (length == 1 && *operator != '<' && *operator != '>') ||
	    (length == 2 && operator[1] != '=')) {
		snprintf(why, SCRIPT_WHY, "one of == != < <= > >= is wanted at '%.40s'", end);
		return false;
	}
	if (!script_evaluate(s, end + length, &right, &end, why))
		return false;
	if (*end) {
		snprintf(why, SCRIPT_WHY, "'%.40s' is not understood here", end);
		return false;
	}
	*holds = holds_for(operator, length, left->number, right.number);
	return true;
}

const char *script_value_text(const struct script_value *value, char text[32])
{
	if (value->flavour == SCRIPT_STATUS)
		snprintf(text, 32, "%s", script_status_word((enum quire_status)value->number));
	else if (value->flavour == SCRIPT_ZONE)
		snprintf(text, 32, "%s", quire_zone_name((enum quire_zone_type)value->number));
	else
		snprintf(text, 32, "%lld", (long long)value->number);
	return text;
}

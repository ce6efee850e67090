/* A bounded printf for builds without a C library: integers, strings, characters. No floating point. */
#include "base/base.h"

struct sink {
	char *buffer;
	size_t size;
	size_t length;
};

/* One conversion specification, "%-#08llx" taken apart. */
struct spec {
	bool left, zero, prefix, space;
	int width;
	int precision;		/* -1: not given */
	unsigned longs;		/* 1: l, 2: ll */
	bool size_type;
};

static void put(struct sink *sink, char c)
{
	if (sink->length + 1 < sink->size)
		sink->buffer[sink->length] = c;
	sink->length++;
}

static void pad(struct sink *sink, char c, int count)
{
	for (; count > 0; count--)
		put(sink, c);
}

static void put_text(struct sink *sink, const struct spec *spec, const char *text)
{
	int length = 0;

	if (!text)
		text = "(null)";
	while ((spec->precision < 0 || length < spec->precision) && text[length])
		length++;
	if (!spec->left)
		pad(sink, ' ', spec->width - length);
	for (int i = 0; i < length; i++)
		put(sink, text[i]);
	if (spec->left)
		pad(sink, ' ', spec->width - length);
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base, bool negative)
{
	char digits[24];
	int count = 0, zeros, signs = negative || spec->space ? 1 : 0, prefix = spec->prefix && base == 16 ? 2 : 0;

	do
		digits[count++] = "0123456789abcdef"[qi_mod64(value, base)];
	while ((value = qi_div64(value, base)) != 0);
	zeros = spec->precision > count ? spec->precision - count : 0;
	if (spec->zero && !spec->left && spec->precision < 0 && spec->width > count + signs + prefix)
		zeros = spec->width - count - signs - prefix;
	if (!spec->left)
		pad(sink, ' ', spec->width - count - zeros - signs - prefix);
	if (signs)
		put(sink, negative ? '-' : ' ');
	if (prefix) {
		put(sink, '0');
		put(sink, 'x');
	}
	pad(sink, '0', zeros);
	for (int i = count; i > 0; i--)
		put(sink, digits[i - 1]);
	if (spec->left)
		pad(sink, ' ', spec->width - count - zeros - signs - prefix);
}

static const char *parse_int(const char *p, int *value)
{
	for (*value = 0; *p >= '0' && *p <= '9'; p++)
		*value = *value * 10 + (*p - '0');
	return p;
}

/* The arguments travel by pointer so that '*' can take one; va_list is wrapped since it may be an array type. */
struct arguments {
	va_list list;
};

static const char *parse_spec(const char *p, struct spec *spec, struct arguments *arguments)
{
	*spec = (struct spec){ .precision = -1 };
	for (;; p++) {
		if (*p == '-')
			spec->left = true;
		else if (*p == '0')
			spec->zero = true;
		else if (*p == '#')
			spec->prefix = true;
		else if (*p == ' ')
			spec->space = true;
		else
			break;
	}
	if (*p == '*') {
		spec->width = va_arg(arguments->list, int);
		p++;
	} else {
		p = parse_int(p, &spec->width);
	}
	if (*p == '.') {
		p++;
		if (*p == '*') {
			spec->precision = va_arg(arguments->list, int);
			p++;
		} else {
			p = parse_int(p, &spec->precision);
		}
	}
	for (; *p == 'l'; p++)
		spec->longs++;
	if (*p == 'z') {
		spec->size_type = true;
		p++;
	}
	return p;
}

static uint64_t take_unsigned(const struct spec *spec, struct arguments *arguments)
{
	if (spec->longs >= 2)
		return va_arg(arguments->list, unsigned long long);
	if (spec->longs)
		return va_arg(arguments->list, unsigned long);
	return spec->size_type ? va_arg(arguments->list, size_t) : va_arg(arguments->list, unsigned int);
}

static int64_t take_signed(const struct spec *spec, struct arguments *arguments)
{
	if (spec->longs >= 2)
		return va_arg(arguments->list, long long);
	if (spec->longs)
		return va_arg(arguments->list, long);
	return spec->size_type ? (int64_t)va_arg(arguments->list, size_t) : va_arg(arguments->list, int);
}

static void convert(struct sink *sink, const struct spec *spec, char conversion, struct arguments *arguments)
{
	char text[2] = { 0, 0 };
	int64_t value;

	switch (conversion) {
	case 'd':
	case 'i':
		value = take_signed(spec, arguments);
		put_number(sink, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0);
		break;
	case 'u':
		put_number(sink, spec, take_unsigned(spec, arguments), 10, false);
		break;
	case 'x':
		put_number(sink, spec, take_unsigned(spec, arguments), 16, false);
		break;
	case 'p':
		put_number(sink, &(struct spec){ .prefix = true, .precision = -1 },
			   (uintptr_t)va_arg(arguments->list, void *), 16, false);
		break;
	case 's':
		put_text(sink, spec, va_arg(arguments->list, const char *));
		break;
	case 'c':
		text[0] = (char)va_arg(arguments->list, int);
		put_text(sink, spec, text);
		break;
	default:	/* "%%", and anything unknown printed as it stands */
		put(sink, conversion);
	}
}

int qi_vsnprintf(char *buffer, size_t size, const char *format, va_list list)
{
	struct sink sink = { buffer, size, 0 };
	struct arguments arguments;
	struct spec spec;

	va_copy(arguments.list, list);
	for (const char *p = format; *p; p++) {
		if (*p != '%') {
			put(&sink, *p);
			continue;
		}
		p = parse_spec(p + 1, &spec, &arguments);
		if (!*p)
			break;
		convert(&sink, &spec, *p, &arguments);
	}
	va_end(arguments.list);
	if (size)
		buffer[qi_min(sink.length, size - 1)] = '\0';
	return (int)sink.length;
}

int qi_snprintf(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = qi_vsnprintf(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}

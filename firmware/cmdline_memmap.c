/* memmap= and crashkernel=: the options with a grammar of their own. */
#include "cmdline.h"

/* nn%ss[-oldtype][+newtype] behind the start address. */
static bool read_types(struct qi_text *text, struct quire_memmap_directive *d)
{
	quire_phys_t number;

	if (qi_text_skip(text, '-')) {
		if (!qi_text_size(text, &number) || number > UINT32_MAX)
			return false;
		d->old_type = (unsigned)number;
	}
	if (qi_text_skip(text, '+')) {
		if (!qi_text_size(text, &number) || number > UINT32_MAX)
			return false;
		d->new_type = (unsigned)number;
	}
	return true;
}

static bool read_directive(struct qi_text *text, struct quire_memmap_directive *d)
{
	static const struct {
		char sign;
		enum quire_memmap_kind kind;
	} signs[] = {
		{ '@', QUIRE_MEMMAP_ADD_RAM }, { '$', QUIRE_MEMMAP_RESERVE }, { '#', QUIRE_MEMMAP_ACPI },
		{ '!', QUIRE_MEMMAP_PROTECT }, { '%', QUIRE_MEMMAP_RETYPE },
	};

	*d = (struct quire_memmap_directive){ .kind = QUIRE_MEMMAP_LIMIT };
	if (qi_text_is(text, "exactmap")) {
		d->kind = QUIRE_MEMMAP_EXACT;
		text->at = text->end;
		return true;
	}
	if (!qi_text_size(text, &d->size))
		return false;
	for (size_t i = 0; i < QI_ARRAY_SIZE(signs); i++) {
		quire_phys_t last;

		if (!qi_text_skip(text, signs[i].sign))
			continue;
		d->kind = signs[i].kind;
		if (!d->size || !qi_text_size(text, &d->base) || !qi_add(d->base, d->size - 1, &last))
			return false;
		return d->kind != QUIRE_MEMMAP_RETYPE || read_types(text, d);
	}
	return d->size != 0;
}

void qi_cmdline_memmap(struct qi_cmdline *c)
{
	struct quire_boot_options *options = c->options;
	struct qi_text piece;

	while (qi_text_next(&c->value, ',', &piece)) {
		struct quire_memmap_directive directive;

		if (!read_directive(&piece, &directive)) {
			qi_cmdline_reject(c, "not a range memmap= understands");
			return;
		}
		if (options->memmap_count == QUIRE_MEMMAP_DIRECTIVES) {
			qi_cmdline_reject(c, "too many memmap= ranges");
			return;
		}
		options->memmap[options->memmap_count++] = directive;
		if (piece.at < piece.end)
			qi_cmdline_reject(c, "taken, but characters behind a range were ignored");
	}
}

/* size[@offset] */
static bool read_placement(struct qi_text *text, struct quire_placement *placement)
{
	*placement = (struct quire_placement){ .given = true };
	if (!qi_text_size(text, &placement->size) || !placement->size)
		return false;
	if (qi_text_skip(text, '@') && !qi_text_size(text, &placement->start))
		return false;
	return text->at == text->end;
}

/* start-[end]:size[,start-[end]:size…][@offset] */
static void crash_ranges(struct qi_cmdline *c)
{
	struct quire_crash_range ranges[QUIRE_CRASH_RANGES];
	struct quire_placement placement = { .given = true };
	struct qi_text *text = &c->value;
	size_t count = 0;

	do {
		struct quire_crash_range *range = &ranges[count];

		if (count == QUIRE_CRASH_RANGES) {
			qi_cmdline_reject(c, "too many ranges");
			return;
		}
		range->end = QUIRE_PHYS_MAX;
		if (!qi_text_size(text, &range->start) || !qi_text_skip(text, '-') ||
		    (text->at < text->end && *text->at != ':' && !qi_text_size(text, &range->end)) ||
		    !qi_text_skip(text, ':') || !qi_text_size(text, &range->size) || range->end <= range->start) {
			qi_cmdline_reject(c, "not a list of start-[end]:size");
			return;
		}
		count++;
	} while (qi_text_skip(text, ','));
	if ((qi_text_skip(text, '@') && !qi_text_size(text, &placement.start)) || text->at < text->end) {
		qi_cmdline_reject(c, "not a list of start-[end]:size");
		return;
	}
	memcpy(c->options->crash_ranges, ranges, sizeof(ranges[0]) * count);
	c->options->crash_range_count = count;
	c->options->crashkernel = placement;
	c->crash_simple = true;
}

/* Cut ",high" or ",low" off the end. */
static bool has_suffix(struct qi_text *text, const char *suffix, size_t length)
{
	if ((size_t)(text->end - text->at) <= length || memcmp(text->end - length, suffix, length))
		return false;
	text->end -= length;
	return true;
}

void qi_cmdline_crashkernel(struct qi_cmdline *c)
{
	struct quire_boot_options *options = c->options;
	struct quire_placement placement;
	bool high = has_suffix(&c->value, ",high", 5);
	bool low = !high && has_suffix(&c->value, ",low", 4);

	if (!high && !low && qi_text_contains(&c->value, ':')) {
		crash_ranges(c);
		return;
	}
	/* size,low may be 0: no low part is wanted. */
	if (low && qi_text_is(&c->value, "0")) {
		options->crashkernel_low = (struct quire_placement){ .given = true, .low = true };
		return;
	}
	if (!read_placement(&c->value, &placement) || ((high || low) && placement.start)) {
		qi_cmdline_reject(c, "not size[@offset], size,high or size,low");
		return;
	}
	placement.high = high;
	placement.low = low;
	if (low) {
		options->crashkernel_low = placement;
	} else if (high && c->crash_simple) {
		qi_cmdline_reject(c, "crashkernel= without a suffix takes precedence");
	} else {
		options->crashkernel = placement;
		options->crash_range_count = 0;
		c->crash_simple = !high;
	}
}

/*
 * The chart: two panels over one axis of memory sizes, bytes set aside at boot and time until boot is done, both
 * logarithmic.
 *
 * Hue tells the policy, the dash the model; names stand at the lines' ends, one for lines that run together, so that
 * no legend has to be matched. Colours follow the page it is shown on; printed, the light ones apply.
 */
#include "plan.h"

#include <string.h>

#define WIDTH 1030
#define LEFT 84.0
#define RIGHT 640.0
#define PANEL 330.0
#define FIRST_TOP 92.0
#define SECOND_TOP 500.0
#define HEIGHT 900
#define LABEL_GAP 15.0
/* Ends nearer than this are one line to the eye. */
#define TOGETHER 9.0
#define SERIES_MAX (PLAN_ROWS + 1)
#define NAME_MAX_LENGTH 120

struct axis {
	double low, high;		/* log2 of values at the ends */
	double from, to;		/* coordinates */
};

struct label {
	double y, at;			/* where the line ends, where the text goes */
	unsigned models;		/* bit by model; 0: text alone */
	const char *policy;
	const char *colour;		/* class */
};

struct panel {
	const struct plan_chart *chart;
	struct axis x, y;
	bool time;
	struct label labels[SERIES_MAX];
	size_t label_count;
	FILE *out;
};

static const char *const policy_class[QUIRE_INIT_POLICIES] = { "eager", "deferred", "lazy" };
static const char *const dashes[QUIRE_MODELS] = { "2 3", "9 3 2 3", "12 4", "6 3", "none" };

/* Base-2 logarithm to 16 binary places: squaring shifts out one place after the other. */
static double log2_of(uint64_t value)
{
	unsigned whole;
	double rest, place = 0.5, result;

	if (value < 2)
		return 0;
	whole = 63u - (unsigned)__builtin_clzll(value);
	rest = (double)value / (double)((uint64_t)1 << whole);
	result = whole;
	for (unsigned i = 0; i < 16; i++, place /= 2) {
		rest *= rest;
		if (rest >= 2) {
			rest /= 2;
			result += place;
		}
	}
	return result;
}

static double place(const struct axis *axis, uint64_t value)
{
	return axis->from + (log2_of(value) - axis->low) / (axis->high - axis->low) * (axis->to - axis->from);
}

static uint64_t value_of(const struct panel *p, size_t point, unsigned series)
{
	if (series == PLAN_ROWS)
		return p->chart->at[point].wide_bytes;
	return p->time ? p->chart->at[point].boot_ns[series] : p->chart->at[point].metadata_bytes[series];
}

static bool has_value(const struct panel *p, size_t point, unsigned series)
{
	if (series == PLAN_ROWS)
		return p->chart->at[point].wide_bytes != 0;
	return p->chart->at[point].possible[series] && value_of(p, point, series);
}

/* Deferred sets the same bytes aside as eager: one line says it. */
static bool is_drawn(const struct panel *p, unsigned series)
{
	return p->time ? series != PLAN_ROWS : series == PLAN_ROWS || series % QUIRE_INIT_POLICIES != QUIRE_INIT_DEFERRED;
}

static void find_range(struct panel *p)
{
	uint64_t least = UINT64_MAX, most = 1;

	for (size_t i = 0; i < p->chart->points; i++)
		for (unsigned s = 0; s < SERIES_MAX; s++) {
			uint64_t value = is_drawn(p, s) && has_value(p, i, s) ? value_of(p, i, s) : 0;

			if (value && value < least)
				least = value;
			if (value > most)
				most = value;
		}
	p->y.low = least == UINT64_MAX ? 0 : log2_of(least) - 0.5;
	p->y.high = log2_of(most) + 0.5;
}

/* --- frame ------------------------------------------------------------------------------------------------------------ */

static void tick_y(const struct panel *p, uint64_t value, const char *text)
{
	double y = place(&p->y, value);

	if (y > p->y.from || y < p->y.to)
		return;
	fprintf(p->out,
		"<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
		LEFT, y, RIGHT, LEFT - 8, y + 4, text);
}

static void frame(const struct panel *p, const char *what)
{
	char text[PLAN_NUMBER_MAX];
	uint64_t value = 1;

	fprintf(p->out, "<text class=\"head\" x=\"%.0f\" y=\"%.1f\">%s</text>\n", LEFT, p->y.to - 12, what);
	for (unsigned shift = 8; !p->time && shift < 64; shift += 4)
		tick_y(p, (uint64_t)1 << shift, plan_bytes(text, (uint64_t)1 << shift));
	for (unsigned i = 0; p->time && i < 16; i++, value *= 10)
		tick_y(p, value, plan_time(text, value));
	for (unsigned shift = 28; shift < 50; shift += 2) {
		double x = place(&p->x, (uint64_t)1 << shift);

		if (x < LEFT - 1 || x > RIGHT + 1)
			continue;
		fprintf(p->out,
			"<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s"
			"</text>\n",
			x, p->y.to, p->y.from, x, p->y.from + 18, plan_bytes(text, (uint64_t)1 << shift));
	}
	fprintf(p->out, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", LEFT, p->y.to, p->y.from, RIGHT);
}

/* --- lines and their names ------------------------------------------------------------------------------------------ */

static void add_label(struct panel *p, unsigned series, double y)
{
	bool wide = series == PLAN_ROWS;
	unsigned init = series % QUIRE_INIT_POLICIES;
	const char *policy = wide ? "64-byte descriptors, in full" : init == QUIRE_INIT_EAGER && !p->time ?
			     "eager, deferred" : policy_class[init];

	for (size_t i = 0; i < p->label_count && !wide; i++) {
		struct label *l = &p->labels[i];

		if (l->policy == policy && l->y - y < TOGETHER && y - l->y < TOGETHER) {
			l->models |= 1u << series / QUIRE_INIT_POLICIES;
			return;
		}
	}
	p->labels[p->label_count++] = (struct label){ y, y, wide ? 0 : 1u << series / QUIRE_INIT_POLICIES, policy,
						      wide ? "wide" : policy_class[init] };
}

static void line(struct panel *p, unsigned series)
{
	bool wide = series == PLAN_ROWS, open = false, any = false;
	double y = 0, last = 0;

	for (size_t i = 0; i < p->chart->points; i++) {
		if (!has_value(p, i, series)) {
			open = false;
			continue;
		}
		y = place(&p->y, value_of(p, i, series));
		if (!any)
			fprintf(p->out, "<path class=\"line %s\" stroke-dasharray=\"%s\" d=\"",
				wide ? "wide" : policy_class[series % QUIRE_INIT_POLICIES],
				wide ? "1 5" : dashes[series / QUIRE_INIT_POLICIES]);
		fprintf(p->out, "%c%.1f %.1f", open ? 'L' : 'M', place(&p->x, p->chart->at[i].memory_bytes), y);
		open = any = true;
		last = y;
	}
	if (any) {
		fputs("\"/>\n", p->out);
		add_label(p, series, last);
	}
}

/* Sort by height, then push apart, downwards first and back up from the bottom. */
static void spread(struct panel *p)
{
	for (size_t i = 1; i < p->label_count; i++)
		for (size_t k = i; k && p->labels[k].y < p->labels[k - 1].y; k--) {
			struct label swap = p->labels[k];

			p->labels[k] = p->labels[k - 1];
			p->labels[k - 1] = swap;
		}
	for (size_t i = 1; i < p->label_count; i++)
		if (p->labels[i].at < p->labels[i - 1].at + LABEL_GAP)
			p->labels[i].at = p->labels[i - 1].at + LABEL_GAP;
	for (size_t i = p->label_count; i-- > 0;) {
		double most = i + 1 < p->label_count ? p->labels[i + 1].at - LABEL_GAP : p->y.from;

		if (p->labels[i].at > most)
			p->labels[i].at = most;
	}
}

/* The sparse models without the word they share. */
static const char *short_name(enum quire_model model)
{
	const char *name = quire_model_name(model), *dash = strchr(name, '-');

	return dash ? dash + 1 : name;
}

static void label_text(const struct label *l, char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "%s", l->policy);

	if (!l->models)
		return;
	if (l->models == (1u << QUIRE_MODELS) - 1) {
		snprintf(text + length, size - length, ": all models");
		return;
	}
	for (unsigned model = 0, named = 0; model < QUIRE_MODELS && length < size; model++)
		if (l->models >> model & 1)
			length += (size_t)snprintf(text + length, size - length, "%s%s", named++ ? ", " : ": ",
						   short_name(model));
}

static void labels(const struct panel *p)
{
	char text[NAME_MAX_LENGTH];

	for (size_t i = 0; i < p->label_count; i++) {
		const struct label *l = &p->labels[i];

		label_text(l, text, sizeof(text));
		fprintf(p->out,
			"<path class=\"lead\" d=\"M%.1f %.1fL%.1f %.1f\"/><text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			RIGHT + 2, l->y, RIGHT + 20, l->at, l->colour, RIGHT + 24, l->at + 4, text);
	}
}

static void draw(struct panel *p, const char *what)
{
	find_range(p);
	frame(p, what);
	for (unsigned s = SERIES_MAX; s-- > 0;)
		if (is_drawn(p, s))
			line(p, s);
	spread(p);
	labels(p);
}

/* --- document --------------------------------------------------------------------------------------------------------- */

static const char style[] =
	"<style>\n"
	"text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:17px;font-weight:600;fill:#111}.head{font-weight:600}\n"
	".grid{stroke:#bbb;stroke-width:.5;fill:none}.axis{stroke:#555;fill:none}.lead{stroke:#999;stroke-width:.7;fill:none}\n"
	".line{fill:none;stroke-width:2;stroke-linejoin:round}.page{fill:#fff}\n"
	".line.eager{stroke:#b3400a}.line.deferred{stroke:#6d3fc0}.line.lazy{stroke:#0b7a5e}.line.wide{stroke:#666}\n"
	"text.eager{fill:#b3400a}text.deferred{fill:#6d3fc0}text.lazy{fill:#0b7a5e}text.wide{fill:#555}\n"
	"@media screen and (prefers-color-scheme:dark){.page{fill:#15181c}text{fill:#ccc}.title{fill:#f2f2f2}.grid{stroke:#454b52}\n"
	".axis{stroke:#9aa}.lead{stroke:#788}.line.eager{stroke:#ff9a5c}.line.deferred{stroke:#b99cff}.line.lazy{stroke:#4fd6ad}\n"
	".line.wide{stroke:#aaa}text.eager{fill:#ff9a5c}text.deferred{fill:#b99cff}text.lazy{fill:#4fd6ad}text.wide{fill:#bbb}}\n"
	"</style>\n";

/* Names come from the user: what XML reserves, and control characters, must not come through. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c == '"')
			fprintf(out, "&#%u;", c);
		else
			fputc(c < 0x20 || c >= 0x7f ? '?' : c, out);
	}
}

static struct panel panel_at(const struct plan_chart *chart, double top, bool time, FILE *out)
{
	uint64_t least = chart->points ? chart->at[0].memory_bytes : 1;
	uint64_t most = chart->points ? chart->at[chart->points - 1].memory_bytes : 2;

	return (struct panel){
		.chart = chart, .time = time, .out = out,
		.x = { log2_of(least), most > least ? log2_of(most) : log2_of(least) + 1, LEFT, RIGHT },
		.y = { 0, 1, top + PANEL, top },
	};
}

void plan_svg(const struct plan_chart *chart, const struct plan_title *title, FILE *out)
{
	struct panel space = panel_at(chart, FIRST_TOP, false, out), time = panel_at(chart, SECOND_TOP, true, out);

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	fprintf(out,
		"<title>What page descriptors cost, by memory size</title>\n%s<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n"
		"<text class=\"title\" x=\"%.0f\" y=\"34\">What page descriptors cost: ",
		style, WIDTH, HEIGHT, LEFT);
	put_text(out, title->name);
	fprintf(out,
		", %s, %u node%s</text>\n<text x=\"%.0f\" y=\"56\">this machine's layout at every size; by memory model and by "
		"policy of initialising descriptors</text>\n",
		title->arch, title->nodes, title->nodes == 1 ? "" : "s", LEFT);
	draw(&space, "metadata set aside at boot");
	draw(&time, "time until boot is done, workers included, on this host");
	fprintf(out,
		"<text x=\"%.0f\" y=\"%d\">memory</text>\n<text x=\"%.0f\" y=\"%d\">Where more descriptors than could be written "
		"here: their number times a measured rate. Where a line is missing the model cannot.</text>\n</svg>\n",
		RIGHT + 24, (int)(SECOND_TOP + PANEL + 18), LEFT, HEIGHT - 16);
}

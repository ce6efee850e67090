/* Messages to the platform. */
#include "base/base.h"

#define LINE_MAX_BYTES 512

void (qi_log)(const struct quire_platform *platform, enum quire_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list arguments;
	size_t length;

	if (!platform || !platform->log)
		return;
	va_start(arguments, format);
	length = (size_t)qi_vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	platform->log(platform->ctx, level, line, qi_min(length, sizeof(line) - 1));
}

void qi_panic(const struct quire_platform *platform, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list arguments;

	va_start(arguments, format);
	qi_vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (platform && platform->panic)
		platform->panic(platform->ctx, line);
	for (;;)
		__asm__ volatile("" ::: "memory");
}

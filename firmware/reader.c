/* Messages of the readers. */
#include "reader.h"

#define NOTE_MAX_BYTES 256

void qi_note(const struct quire_reader_log *log, enum quire_log_level level, size_t offset, const char *format, ...)
{
	char text[NOTE_MAX_BYTES];
	va_list arguments;

	if (!log || !log->emit)
		return;
	va_start(arguments, format);
	qi_vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log->emit(log->ctx, level, log->source ? log->source : "", offset, text);
}

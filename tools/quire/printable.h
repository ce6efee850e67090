/* Text from files of unknown origin, made fit for a terminal. */
#ifndef QUIRE_TOOL_PRINTABLE_H
#define QUIRE_TOOL_PRINTABLE_H

/* Replace by '?', in place, control characters, which could steer a terminal, and bytes that are no UTF-8. */
void printable(char *text);

#endif

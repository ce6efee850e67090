/* The PL011 serial port. The loader leaves it ready to send. */
#include "a64.h"

#define DATA	(UART_PHYS + 0x00)
#define FLAGS	(UART_PHYS + 0x18)
#define FULL	0x20u

/* Bounded: a port that never drains must not stop the kernel. */
void arch_putc(char c)
{
	if (c == '\n')
		arch_putc('\r');
	for (unsigned tries = 0; tries < 100000 && a64_in(FLAGS) & FULL; tries++)
		arch_relax();
	a64_out(DATA, (uint8_t)c);
}

/* The first serial port, and the ways out. */
#include "pc/pc.h"

#define COM1		0x3f8
#define DATA		(COM1 + 0)
#define INTERRUPTS	(COM1 + 1)
#define FIFO		(COM1 + 2)
#define LINE		(COM1 + 3)
#define STATUS		(COM1 + 5)
#define CAN_SEND	0x20

#define POWER		0x604	/* of QEMU's pc and q35 */
#define POWER_OFF	0x2000

void pc_console_setup(void)
{
	pc_out8(INTERRUPTS, 0);
	pc_out8(LINE, 0x80);		/* 115200 baud, 8 bits, no parity */
	pc_out8(DATA, 1);
	pc_out8(INTERRUPTS, 0);
	pc_out8(LINE, 0x03);
	pc_out8(FIFO, 0x07);
}

/* Bounded: a machine without the port must not hang for want of a message. */
void arch_putc(char c)
{
	if (c == '\n')
		arch_putc('\r');
	for (unsigned tries = 0; tries < 100000 && !(pc_in8(STATUS) & CAN_SEND); tries++)
		arch_relax();
	pc_out8(DATA, (uint8_t)c);
}

void arch_exit(unsigned code)
{
	pc_out32(PC_DEBUG_EXIT, code);
	pc_out16(POWER, POWER_OFF);
	for (;;)
		__asm__ volatile("cli; hlt");
}

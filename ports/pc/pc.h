/* What every PC has, be its CPU in 32-bit or 64-bit mode: I/O ports, a serial port, timers. Internal to the x86 ports. */
#ifndef PC_H
#define PC_H

#include "arch.h"
#include "base/base.h"

static inline void pc_out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port)); }
static inline void pc_out16(uint16_t port, uint16_t value) { __asm__ volatile("outw %0, %1" :: "a"(value), "Nd"(port)); }
static inline void pc_out32(uint16_t port, uint32_t value) { __asm__ volatile("outl %0, %1" :: "a"(value), "Nd"(port)); }

static inline uint8_t pc_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t pc_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* The time-stamp counter. */
static inline uint64_t pc_ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* -device isa-debug-exit,iobase=0xf4,iosize=4: QEMU exits with value * 2 + 1 */
#define PC_DEBUG_EXIT 0xf4

/* console.c: the serial port, before anything is printed. */
void pc_console_setup(void);
/* time.c: measure the time-stamp counter, before anybody asks for the time. */
void pc_time_setup(void);

#endif

/* SRAT, SLIT, MADT and the way to them: real tables, every kind of entry, and everything that can be wrong with one. */
#include "support.h"

#define HEADER 36

static struct test_machine t;
static struct test_log l;

/* A table under construction. */
struct table {
	uint8_t bytes[4096];
	size_t length;
};

static void begin(struct table *table, const char *signature, size_t fixed, uint8_t revision)
{
	memset(table, 0, sizeof(*table));
	memcpy(table->bytes, signature, 4);
	table->bytes[8] = revision;
	table->length = fixed;
}

static uint8_t *entry(struct table *table, uint8_t type, uint8_t length)
{
	uint8_t *p = table->bytes + table->length;

	p[0] = type;
	p[1] = length;
	table->length += length;
	return p;
}

static void finish(struct table *table)
{
	put_le32(table->bytes + 4, (uint32_t)table->length);
	fix_checksum(table->bytes, table->length);
}

static void srat_apic(struct table *table, uint32_t domain, uint8_t id, uint32_t flags)
{
	uint8_t *p = entry(table, 0, 16);

	p[2] = (uint8_t)domain;
	p[3] = id;
	put_le32(p + 4, flags);
	p[9] = (uint8_t)(domain >> 8);
	p[10] = (uint8_t)(domain >> 16);
	p[11] = (uint8_t)(domain >> 24);
}

static void srat_memory(struct table *table, uint32_t domain, uint64_t base, uint64_t size, uint32_t flags)
{
	uint8_t *p = entry(table, 1, 40);

	put_le32(p + 2, domain);
	put_le64(p + 8, base);
	put_le64(p + 16, size);
	put_le32(p + 28, flags);
}

static void srat_words(struct table *table, uint8_t type, uint8_t length, size_t domain_at, uint32_t domain, size_t id_at,
		       uint32_t id, size_t flags_at, uint32_t flags)
{
	uint8_t *p = entry(table, type, length);

	put_le32(p + domain_at, domain);
	put_le32(p + id_at, id);
	put_le32(p + flags_at, flags);
}

static enum quire_status read_srat(const struct table *table)
{
	log_reset(&l);
	return quire_read_srat(&t.m, table->bytes, table->length, &l.log);
}

static void expect_cpu(size_t i, uint64_t hwid, uint32_t domain, bool enabled)
{
	assert_true(i < t.m.cpu_count);
	assert_true(t.m.cpus[i].hwid == hwid);
	assert_int_equal(t.m.cpus[i].domain, domain);
	assert_int_equal(t.m.cpus[i].enabled, enabled);
}

static void a_real_srat(void **state)
{
	size_t size;
	uint8_t *srat = read_sample("srat-hotplug.bin", &size);

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(quire_read_srat(&t.m, srat, size, NULL), QUIRE_OK);
	assert_int_equal(t.m.cpu_count, 4);
	expect_cpu(3, 3, 1, true);
	assert_int_equal(t.m.affinity_count, 4);
	assert_int_equal(t.m.affinities[1].flags, QUIRE_AFFINITY_ENABLED);
	assert_int_equal(t.m.affinities[3].flags, QUIRE_AFFINITY_ENABLED | QUIRE_AFFINITY_HOTPLUG);
	assert_true(t.m.affinities[3].base == 0x280000000 && t.m.affinities[3].size == 0x580000000);
	free(srat);
}

static void every_kind_of_srat_entry(void **state)
{
	struct table s;

	(void)state;
	begin(&s, "SRAT", 48, 3);
	srat_memory(&s, 9, 0x1000, 0x2000, 1);
	srat_apic(&s, 0x01020304, 5, 1);
	srat_apic(&s, 8, 6, 0);
	srat_words(&s, 2, 24, 4, 70, 8, 0x1234, 12, 1);
	srat_words(&s, 3, 18, 2, 71, 6, 0x77, 10, 1);
	srat_words(&s, 4, 12, 2, 72, 8, 1, 8, 1);
	srat_words(&s, 5, 32, 4, 73, 8, 0xabc, 24, 1);
	srat_words(&s, 6, 32, 4, 74, 8, 1, 24, 1);
	srat_words(&s, 7, 20, 4, 75, 8, 0x99, 12, 1);
	entry(&s, 200, 7);
	srat_memory(&s, 73, 0, 0, 0);
	srat_memory(&s, 73, 1ull << 40, 1ull << 30, 7);
	finish(&s);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(read_srat(&s), QUIRE_OK);
	assert_int_equal(t.m.cpu_count, 5);
	expect_cpu(0, 5, 0x01020304, true);
	expect_cpu(1, 0x1234, 70, true);
	expect_cpu(2, 0x77, 71, true);
	expect_cpu(3, 0xabc, 73, true);
	assert_true(t.m.cpus[3].initiator && !t.m.cpus[2].initiator);
	expect_cpu(4, 0x99, 75, true);
	assert_int_equal(t.m.affinity_count, 2);
	assert_int_equal(t.m.affinities[1].flags, 7);
	/* CPUs come before memory whatever their place in the table. */
	assert_int_equal(t.m.domain_count, 6);
	assert_int_equal(t.m.domains[0], 0x01020304);
	assert_int_equal(t.m.domains[4], 75);
	assert_int_equal(t.m.domains[5], 9);
	assert_true(log_has(&l, "unknown type 200"));
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 1);
}

/* Before revision 2 a domain has 8 bits, and the bytes behind it are anything. */
static void old_tables_have_short_domains(void **state)
{
	struct table s;

	(void)state;
	begin(&s, "SRAT", 48, 1);
	srat_apic(&s, 0xffffff02, 5, 1);
	srat_memory(&s, 0xabcd0003, 0, 0x1000, 1);
	finish(&s);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(read_srat(&s), QUIRE_OK);
	expect_cpu(0, 5, 2, true);
	assert_int_equal(t.m.affinities[0].domain, 3);
}

static void odd_srats_are_reported(void **state)
{
	struct table s;

	(void)state;
	begin(&s, "SRAT", 48, 3);
	srat_apic(&s, 4, 1, 1);
	srat_apic(&s, 6, 1, 1);
	srat_apic(&s, UINT32_MAX, 2, 1);
	srat_memory(&s, 4, UINT64_MAX - 0xfff, 0x2000, 1);
	srat_memory(&s, UINT32_MAX, 0, 0x2000, 1);
	finish(&s);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(read_srat(&s), QUIRE_OK);
	assert_int_equal(t.m.cpu_count, 1);
	expect_cpu(0, 1, 6, true);
	assert_int_equal(t.m.affinity_count, 1);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 4);
	assert_true(log_has(&l, "wraps around"));
	assert_true(log_has(&l, "in domain 4 and in 6"));
}

/* Each failure is reported and changes nothing. */
static void expect_srat_failure(const struct table *s, enum quire_status status)
{
	char before[8192], after[8192];

	machine_text(&t.m, before, sizeof(before));
	assert_int_equal(read_srat(s), status);
	machine_text(&t.m, after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(l.counts[QUIRE_LOG_ERROR], 1);
	machine_check(&t);
}

static void broken_srats_change_nothing(void **state)
{
	struct table good, s;

	(void)state;
	begin(&good, "SRAT", 48, 3);
	srat_apic(&good, 4, 1, 1);
	srat_memory(&good, 4, 0, 0x1000, 1);
	finish(&good);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(read_srat(&good), QUIRE_OK);

	for (size_t length = 0; length < good.length; length++) {
		s = good;
		s.length = length;
		expect_srat_failure(&s, QUIRE_ETRUNCATED);
	}
	s = good;
	s.bytes[60] ^= 1;
	expect_srat_failure(&s, QUIRE_ECHECKSUM);
	s = good;
	s.bytes[0] = 'X';
	expect_srat_failure(&s, QUIRE_EFORMAT);
	for (uint32_t length = 0; length < 48; length++) {
		s = good;
		put_le32(s.bytes + 4, length);
		fix_checksum(s.bytes, length > 10 ? length : 10);
		expect_srat_failure(&s, QUIRE_EFORMAT);
	}
	s = good;
	put_le32(s.bytes + 4, UINT32_MAX);
	expect_srat_failure(&s, QUIRE_EFORMAT);
	/* Entries of no length, of one byte, too short for their type, beyond the end. */
	for (unsigned length = 0; length < 256; length++) {
		if (length == 16)
			continue;
		s = good;
		s.bytes[48 + 1] = (uint8_t)length;
		fix_checksum(s.bytes, s.length);
		if (length < 16 || length > 56)
			expect_srat_failure(&s, QUIRE_EFORMAT);
		else
			read_srat(&s);		/* re-synchronises somewhere: must only not crash */
		machine_reset(&t, QUIRE_ARCH_X86_64);
		assert_int_equal(read_srat(&good), QUIRE_OK);
	}
	s = good;
	s.length++;
	finish(&s);
	expect_srat_failure(&s, QUIRE_EFORMAT);
}

static void srats_that_do_not_fit_change_nothing(void **state)
{
	struct table s;

	(void)state;
	begin(&s, "SRAT", 48, 3);
	srat_apic(&s, 1, 1, 1);
	srat_apic(&s, 2, 2, 1);
	srat_memory(&s, 3, 0, 0x1000, 1);
	finish(&s);
	for (size_t room = 0; room < 3; room++) {
		machine_reset_small(&t, QUIRE_ARCH_X86_64, room);
		expect_srat_failure(&s, QUIRE_ENOSPC);
	}
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 3);
	assert_int_equal(read_srat(&s), QUIRE_OK);
	/* The same once more names nothing new but its memory record. */
	t.m.affinity_max = 4;
	assert_int_equal(read_srat(&s), QUIRE_OK);
	assert_int_equal(t.m.cpu_count, 2);
}

static void distances_are_taken_as_they_stand(void **state)
{
	static const uint8_t want[] = { 10, 21, 17, 21, 10, 28, 17, 28, 10 };
	size_t size;
	uint8_t *slit = read_sample("slit-3-nodes.bin", &size);

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	log_reset(&l);
	assert_int_equal(quire_read_slit(&t.m, slit, size, &l.log), QUIRE_OK);
	assert_int_equal(t.m.distance_count, 3);
	assert_memory_equal(t.m.distances, want, sizeof(want));
	assert_int_equal(l.length, 0);
	for (size_t cell = 0; cell < 9; cell++) {
		uint8_t kept = slit[44 + cell];

		slit[44 + cell] = cell % 4 == 0 ? 11 : 10;
		fix_checksum(slit, size);
		machine_reset(&t, QUIRE_ARCH_X86_64);
		log_reset(&l);
		assert_int_equal(quire_read_slit(&t.m, slit, size, &l.log), QUIRE_OK);
		assert_int_equal(t.m.distance_count, 0);
		assert_int_equal(l.last_offset, 44 + cell);
		assert_true(log_has(&l, "table ignored"));
		slit[44 + cell] = kept;
	}
	free(slit);
}

static void broken_slits_change_nothing(void **state)
{
	size_t size;
	uint8_t *slit = read_sample("slit-3-nodes.bin", &size);
	static const uint64_t counts[] = { 4, 100, 65536, 1ull << 32, 1ull << 63, UINT64_MAX };

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	for (size_t length = 0; length < size; length++)
		assert_int_equal(quire_read_slit(&t.m, slit, length, NULL), QUIRE_ETRUNCATED);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		put_le64(slit + 36, counts[i]);
		fix_checksum(slit, size);
		assert_int_equal(quire_read_slit(&t.m, slit, size, NULL), QUIRE_EFORMAT);
	}
	put_le64(slit + 36, 3);
	put_le32(slit + 4, 43);
	fix_checksum(slit, 43);
	assert_int_equal(quire_read_slit(&t.m, slit, size, NULL), QUIRE_EFORMAT);
	put_le32(slit + 4, (uint32_t)size);
	fix_checksum(slit, size);
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 2);
	assert_int_equal(quire_read_slit(&t.m, slit, size, NULL), QUIRE_ENOSPC);
	assert_int_equal(t.m.distance_count, 0);
	put_le64(slit + 36, 0);
	fix_checksum(slit, size);
	assert_int_equal(quire_read_slit(&t.m, slit, size, NULL), QUIRE_OK);
	machine_check(&t);
	free(slit);
}

static void madt_entry(struct table *table, uint8_t type, uint8_t length, size_t id_at, uint32_t id, size_t flags_at,
		       uint32_t flags)
{
	uint8_t *p = entry(table, type, length);

	put_le32(p + flags_at, flags);
	if (type == 0)
		p[id_at] = (uint8_t)id;
	else
		put_le32(p + id_at, id);
}

static void the_madt_says_which_cpus_exist(void **state)
{
	struct table s, m;

	(void)state;
	begin(&s, "SRAT", 48, 3);
	for (uint8_t id = 0; id < 4; id++)
		srat_apic(&s, id / 2u, id, 1);
	srat_words(&s, 5, 32, 4, 9, 8, 2, 24, 1);
	finish(&s);
	begin(&m, "APIC", 44, 1);
	madt_entry(&m, 0, 8, 3, 0, 4, 1);
	madt_entry(&m, 0, 8, 3, 1, 4, 0);
	madt_entry(&m, 1, 12, 4, 7, 8, 1);
	madt_entry(&m, 9, 16, 4, 1, 8, 1);		/* the same CPU once more, enabled */
	madt_entry(&m, 0, 8, 3, 2, 4, 2);		/* could be plugged in */
	madt_entry(&m, 9, 16, 4, 0x300, 8, 1);
	madt_entry(&m, 9, 16, 4, 0x301, 8, 0);
	madt_entry(&m, 11, 80, 8, 0x400, 12, 1);
	madt_entry(&m, 24, 36, 16, 0x500, 4, 1);
	finish(&m);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(read_srat(&s), QUIRE_OK);
	assert_int_equal(quire_read_madt(&t.m, m.bytes, m.length, NULL), QUIRE_OK);
	assert_int_equal(t.m.cpu_count, 8);
	expect_cpu(0, 0, 0, true);
	expect_cpu(1, 1, 0, true);
	expect_cpu(2, 2, 1, false);
	expect_cpu(3, 3, 1, false);			/* named by the SRAT only */
	assert_true(t.m.cpus[4].initiator && t.m.cpus[4].enabled);
	expect_cpu(5, 0x300, QUIRE_DOMAIN_NONE, true);
	expect_cpu(6, 0x400, QUIRE_DOMAIN_NONE, true);
	expect_cpu(7, 0x500, QUIRE_DOMAIN_NONE, true);
}

/* The other way round the SRAT fills in the domains. */
static void the_order_of_srat_and_madt_does_not_matter(void **state)
{
	size_t srat_size, madt_size;
	uint8_t *srat = read_sample("srat-2-nodes.bin", &srat_size), *madt = read_sample("madt-4-cpus.bin", &madt_size);
	char first[8192], second[8192];

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(quire_read_srat(&t.m, srat, srat_size, NULL), QUIRE_OK);
	assert_int_equal(quire_read_madt(&t.m, madt, madt_size, NULL), QUIRE_OK);
	machine_text(&t.m, first, sizeof(first));
	machine_reset(&t, QUIRE_ARCH_X86_64);
	assert_int_equal(quire_read_madt(&t.m, madt, madt_size, NULL), QUIRE_OK);
	assert_int_equal(t.m.domain_count, 0);
	assert_int_equal(quire_read_srat(&t.m, srat, srat_size, NULL), QUIRE_OK);
	machine_text(&t.m, second, sizeof(second));
	assert_string_equal(first, second);
	free(srat);
	free(madt);
}

static void broken_madts_change_nothing(void **state)
{
	struct table m, none;

	(void)state;
	begin(&m, "APIC", 44, 1);
	madt_entry(&m, 0, 8, 3, 1, 4, 1);
	madt_entry(&m, 0, 8, 3, 2, 4, 1);
	finish(&m);
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 1);
	log_reset(&l);
	assert_int_equal(quire_read_madt(&t.m, m.bytes, m.length, &l.log), QUIRE_ENOSPC);
	assert_int_equal(t.m.cpu_count, 0);
	machine_reset(&t, QUIRE_ARCH_X86_64);
	m.bytes[45] = 7;
	fix_checksum(m.bytes, m.length);
	assert_int_equal(quire_read_madt(&t.m, m.bytes, m.length, NULL), QUIRE_EFORMAT);
	begin(&none, "APIC", 43, 1);
	finish(&none);
	assert_int_equal(quire_read_madt(&t.m, none.bytes, none.length, NULL), QUIRE_EFORMAT);
	m.bytes[45] = 8;
	fix_checksum(m.bytes, m.length);
	assert_int_equal(quire_read_madt(&t.m, m.bytes, m.length, NULL), QUIRE_OK);
	begin(&none, "APIC", 44, 1);
	finish(&none);
	log_reset(&l);
	assert_int_equal(quire_read_madt(&t.m, none.bytes, none.length, &l.log), QUIRE_OK);
	assert_true(t.m.cpus[0].enabled && t.m.cpu_count == 2);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 1);
}

/* --- From the root pointer to a table: a little physical memory. --- */

#define MEMORY_BYTES 0x4000
static uint8_t memory[MEMORY_BYTES];
static uint8_t rsdp[36];

static const void *map_memory(void *ctx, quire_phys_t phys, size_t size)
{
	assert_ptr_equal(ctx, memory);
	return phys < MEMORY_BYTES && size <= MEMORY_BYTES - phys ? memory + phys : NULL;
}

static void put_table(size_t at, const char *signature, size_t length)
{
	memcpy(memory + at, signature, 4);
	put_le32(memory + at + 4, (uint32_t)length);
	fix_checksum(memory + at, length);
}

static void sum_to_zero(uint8_t *bytes, size_t length, size_t at)
{
	uint8_t sum = 0;

	bytes[at] = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[at] = (uint8_t)-sum;
}

static void sum_rsdp(void)
{
	sum_to_zero(rsdp, 20, 8);
	sum_to_zero(rsdp, 36, 32);
}

/* RSDT at 0x1000 with FACP, nothing, an address nobody has, SRAT; XSDT at 0x2000 with SLIT. */
static void set_up_memory(uint8_t revision)
{
	memset(memory, 0, sizeof(memory));
	memset(rsdp, 0, sizeof(rsdp));
	put_le32(memory + 0x1000 + HEADER, 0x3000);
	put_le32(memory + 0x1000 + HEADER + 8, 0xfffff000);
	put_le32(memory + 0x1000 + HEADER + 12, 0x3100);
	put_table(0x1000, "RSDT", HEADER + 16);
	put_le64(memory + 0x2000 + HEADER, 0x3200);
	put_table(0x2000, "XSDT", HEADER + 8);
	put_table(0x3000, "FACP", 100);
	put_table(0x3100, "SRAT", 48);
	put_table(0x3200, "SLIT", 45);
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = revision;
	put_le32(rsdp + 16, 0x1000);
	put_le32(rsdp + 20, 36);
	put_le64(rsdp + 24, 0x2000);
	sum_rsdp();
}

static enum quire_status find(const char *signature, size_t rsdp_size, const void **table, size_t *size)
{
	char exact[4];

	memcpy(exact, signature, 4);
	log_reset(&l);
	return quire_acpi_find_table(rsdp, rsdp_size, exact, map_memory, memory, table, size, &l.log);
}

static void tables_are_found(void **state)
{
	const void *table;
	size_t size;

	(void)state;
	set_up_memory(0);
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_OK);
	assert_ptr_equal(table, memory + 0x3100);
	assert_int_equal(size, 48);
	assert_int_equal(find("SLIT", 20, &table, &size), QUIRE_ENOENT);
	set_up_memory(2);
	assert_int_equal(find("SLIT", 36, &table, &size), QUIRE_OK);
	assert_ptr_equal(table, memory + 0x3200);
	assert_int_equal(find("SRAT", 36, &table, &size), QUIRE_ENOENT);
	put_le64(rsdp + 24, 0);
	sum_rsdp();
	assert_int_equal(find("SRAT", 36, &table, &size), QUIRE_OK);
	rsdp[32] ^= 1;					/* only the second sum is wrong */
	assert_int_equal(find("SRAT", 36, &table, &size), QUIRE_OK);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 2);
}

static void broken_roads_end_with_a_reason(void **state)
{
	const void *table = rsdp;
	size_t size = 4711;

	(void)state;
	set_up_memory(0);
	for (size_t length = 0; length < 20; length++)
		assert_int_equal(find("SRAT", length, &table, &size), QUIRE_ETRUNCATED);
	rsdp[8] ^= 1;
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_ECHECKSUM);
	rsdp[0] = 'r';
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_EFORMAT);
	set_up_memory(0);
	memory[0x3130] = 1;
	put_le32(memory + 0x3104, 0x31);
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_ECHECKSUM);
	set_up_memory(0);
	memory[0x1000 + 10] ^= 1;
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_ECHECKSUM);
	set_up_memory(0);
	put_le32(memory + 0x1004, 20);
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_EFORMAT);
	put_le32(memory + 0x1004, 0x7fffffff);
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_EFORMAT);
	put_le32(memory + 0x1004, 0x8000);		/* beyond what can be read */
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_EPLATFORM);
	memcpy(memory + 0x1000, "XSDT", 4);
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_EFORMAT);
	set_up_memory(0);
	put_le32(rsdp + 16, 0);
	sum_rsdp();
	assert_int_equal(find("SRAT", 20, &table, &size), QUIRE_ENOENT);
	assert_ptr_equal(table, rsdp);
	assert_int_equal(size, 4711);
}

/* Bytes of real tables changed at random, sums put right: any answer, but no crash and no write out of bounds. */
static void mutated_tables_are_survived(void **state)
{
	static const char *const samples[] = { "srat-hotplug.bin", "slit-3-nodes.bin", "madt-4-cpus.bin",
					       "srat-3-nodes-cpuless.bin" };
	uint64_t seed = 5;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t size;
		uint8_t *table = read_sample(samples[i], &size), *copy = malloc(size);

		for (int round = 0; round < 3000; round++) {
			memcpy(copy, table, size);
			for (int n = (int)(next_random(&seed) % 6); n >= 0; n--)
				copy[8 + next_random(&seed) % (size - 8)] = (uint8_t)next_random(&seed);
			fix_checksum(copy, size);
			machine_reset_small(&t, QUIRE_ARCH_X86_64, next_random(&seed) % 6);
			quire_read_srat(&t.m, copy, size, NULL);
			quire_read_slit(&t.m, copy, size, NULL);
			quire_read_madt(&t.m, copy, size, NULL);
			machine_check(&t);
		}
		free(table);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_srat),
		cmocka_unit_test(every_kind_of_srat_entry),
		cmocka_unit_test(old_tables_have_short_domains),
		cmocka_unit_test(odd_srats_are_reported),
		cmocka_unit_test(broken_srats_change_nothing),
		cmocka_unit_test(srats_that_do_not_fit_change_nothing),
		cmocka_unit_test(distances_are_taken_as_they_stand),
		cmocka_unit_test(broken_slits_change_nothing),
		cmocka_unit_test(the_madt_says_which_cpus_exist),
		cmocka_unit_test(the_order_of_srat_and_madt_does_not_matter),
		cmocka_unit_test(broken_madts_change_nothing),
		cmocka_unit_test(tables_are_found),
		cmocka_unit_test(broken_roads_end_with_a_reason),
		cmocka_unit_test(mutated_tables_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

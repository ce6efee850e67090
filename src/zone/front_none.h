/*
 * A build without fronts (quire/options.h): nothing is kept anywhere, each request and each free goes to the tree. These
 * are the answers of front.h and front_cpus.h then; compilers see to it that what depends on them is gone.
 */
#ifndef QI_ZONE_FRONT_NONE_H
#define QI_ZONE_FRONT_NONE_H

static inline unsigned qi_front_count(const struct qi_zone *za)
{
	(void)za;
	return 0;
}

/* Never asked, as no CPU's number is below the count. */
static inline struct qi_front *qi_front_of(const struct qi_zone *za, unsigned cpu) { return &za->fronts[cpu]; }

static inline quire_pfn_t qi_front_take(struct qi_zone *za, unsigned cpu, unsigned order, unsigned type)
{
	(void)za;
	(void)cpu;
	(void)order;
	(void)type;
	return QUIRE_PFN_NONE;
}

/* Take a block from the tree while the floor stays free; give one back. As in front.h. */
enum quire_status qi_front_alloc_slow(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn);
enum quire_status qi_front_free_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order);

static inline enum quire_status qi_front_alloc(struct qi_zone *za, unsigned cpu, const struct qi_request *request,
					       quire_pfn_t *pfn)
{
	return qi_front_alloc_slow(za, cpu, request, pfn);
}

static inline enum quire_status qi_front_free(struct qi_zone *za, unsigned cpu, quire_pfn_t pfn, unsigned order)
{
	(void)cpu;
	return qi_front_free_tree(za, pfn, order);
}

/* Inside a front nobody ever is, and no order is kept in words. */
static inline bool qi_word_order(unsigned order)
{
	(void)order;
	return false;
}
static inline struct qi_word_cache *qi_front_cache(struct qi_front *front, unsigned order)
{
	return order ? &front->huge : &front->frames;
}
static inline bool qi_front_enter(struct qi_front *front)
{
	(void)front;
	return false;
}
static inline void qi_front_leave(struct qi_front *front) { (void)front; }
static inline enum quire_status qi_word_put(struct qi_word_cache *cache, uint64_t word, uint64_t bit)
{
	(void)cache;
	(void)word;
	(void)bit;
	return QUIRE_ENOENT;
}
static inline enum quire_status qi_served_put(struct qi_word_cache *cache, uint64_t word, uint64_t bit)
{
	return qi_word_put(cache, word, bit);
}

static inline void qi_front_drain(struct qi_zone *za, unsigned cpu)
{
	(void)za;
	(void)cpu;
}
static inline enum quire_status qi_front_drain_all(struct qi_zone *za)
{
	(void)za;
	return QUIRE_OK;
}
static inline enum quire_status qi_front_disable(struct qi_zone *za) { return qi_front_drain_all(za); }
static inline void qi_front_enable(struct qi_zone *za) { (void)za; }
static inline enum quire_status qi_front_leave_cpu(struct qi_zone *za, unsigned cpu)
{
	(void)cpu;
	return qi_front_drain_all(za);
}
static inline enum quire_status qi_front_return_cpu(struct qi_zone *za, unsigned cpu) { return qi_front_leave_cpu(za, cpu); }

static inline uint64_t qi_front_held(const struct qi_zone *za, unsigned cpu)
{
	(void)za;
	(void)cpu;
	return 0;
}
static inline void qi_fronts_tune(struct qi_zone *za, uint64_t managed)
{
	(void)za;
	(void)managed;
}
static inline void qi_fronts_old_events(const struct qi_zone *za, struct qi_zone_events *sum,
					void (*add)(struct qi_zone_events *sum, const struct qi_zone_events *events))
{
	(void)za;
	(void)sum;
	(void)add;
}
static inline void qi_fronts_close(struct qi_zone *za) { (void)za; }

#endif

/*
 * virtio-mem: a device that has a region of address space and says how much of it the guest should use. The guest asks
 * for pieces, and gives pieces back, by requests in a queue. Here a piece is a memory block of the engine's: what the
 * host wants is rounded down to that.
 *
 * The smallest virtio driver there can be: the first such device on PCI bus 0, one queue, one request at a time,
 * polled.
 */
#include "hotplug.h"

#define VENDOR_DEVICE 0x10581af4u	/* virtio's vendor, memory device */
#define PCI_COMMAND 0x04
#define PCI_MEMORY_AND_MASTER 0x6u
#define PCI_BARS 0x10
#define PCI_CAPABILITIES 0x34
#define CAPABILITY_VENDOR 0x09
#define CAPABILITIES_MOST 48		/* of 4 bytes there fit no more: a list that runs in circles ends */

/* Kinds of structures a capability points to. */
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAPS };

#define STATUS_SEEN 1u
#define STATUS_DRIVER 2u
#define STATUS_RUNNING 4u
#define STATUS_FEATURES 8u
#define FEATURES_LOW 0x3u		/* node ids; unplugged memory must not be touched (nor do we) */
#define FEATURES_HIGH 0x1u		/* version 1 */

#define REQUEST_PLUG 0u
#define REQUEST_UNPLUG 1u
#define ANSWER_DONE 0u
#define ANSWER_NS 1000000000ull

#define RETRY_NS 1000000000ull

#define QUEUE 8u
#define UNITS 256u

struct common {
	uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
	uint16_t msix, queues;
	uint8_t status, generation;
	uint16_t queue_select, queue_size, queue_msix, queue_enable, queue_notify;
	uint32_t descriptors[2], driver[2], device[2];
};
struct memory_config {
	uint64_t block_size;
	uint16_t node, padding[3];
	uint64_t base, size, usable, plugged, requested;
};
struct request {
	uint16_t type, padding[3];
	uint64_t base;
	uint16_t blocks, padding2[3];
};
struct answer {
	uint16_t type, padding[3], state;
};

static struct {
	struct {
		uint64_t base;
		uint32_t size;
		uint16_t flags, next;
	} descriptors[QUEUE];
	struct {
		uint16_t flags, index, ring[QUEUE], event;
	} available;
	struct {
		uint16_t flags, index;
		struct {
			uint32_t id, size;
		} ring[QUEUE];
		uint16_t event;
	} used __attribute__((aligned(4)));
	struct request request __attribute__((aligned(8)));
	struct answer answer;
} queue __attribute__((aligned(4096)));

static volatile struct common *common;
static volatile struct memory_config *device;
static volatile uint16_t *notify;
static quire_phys_t unit_size;
static bool plugged[UNITS], refused[UNITS];
static uint64_t next_try;		/* after memory could not leave: not before this time again */

/* --- PCI -------------------------------------------------------------------------------------------------------------- */

/* Where the device's registers of one kind are mapped; *extra: the word behind the capability. NULL: nowhere. */
static volatile void *find_structure(unsigned function, unsigned kind, uint32_t *extra)
{
	unsigned at = arch_pci_read(function, PCI_CAPABILITIES) & 0xfc;

	for (unsigned i = 0; at && i < CAPABILITIES_MOST; i++) {
		uint32_t head = arch_pci_read(function, at), bar = arch_pci_read(function, at + 4) & 0xff;
		uint32_t offset = arch_pci_read(function, at + 8), size = arch_pci_read(function, at + 12);

		if ((head & 0xff) == CAPABILITY_VENDOR && head >> 24 == kind && bar < 6) {
			uint64_t base = arch_pci_read(function, PCI_BARS + 4 * bar);

			if ((base & 6) == 4 && bar < 5)
				base |= (uint64_t)arch_pci_read(function, PCI_BARS + 4 * bar + 4) << 32;
			base &= ~0xfull;
			*extra = arch_pci_read(function, at + 16);
			if (!base || base + offset + size > arch_info()->direct_end ||
			    arch_map_device(base + offset, size) != QUIRE_OK)
				return NULL;
			return arch_direct(base + offset);
		}
		at = head >> 8 & 0xfc;
	}
	return NULL;
}

static void set_queue_address(volatile uint32_t *pair, const void *address)
{
	quire_phys_t phys = arch_image_phys(address);

	pair[0] = (uint32_t)phys;
	pair[1] = (uint32_t)(phys >> 32);
}

static bool set_up(unsigned function)
{
	uint32_t multiplier = 0, unused;
	volatile char *notify_base;

	common = find_structure(function, CAP_COMMON, &unused);
	notify_base = find_structure(function, CAP_NOTIFY, &multiplier);
	device = find_structure(function, CAP_DEVICE, &unused);
	if (!common || !notify_base || !device)
		return false;
	arch_pci_write(function, PCI_COMMAND, arch_pci_read(function, PCI_COMMAND) | PCI_MEMORY_AND_MASTER);
	common->status = 0;
	common->status = STATUS_SEEN | STATUS_DRIVER;
	common->driver_feature_select = 0;
	common->device_feature_select = 0;
	common->driver_feature = common->device_feature & FEATURES_LOW;
	common->driver_feature_select = 1;
	common->driver_feature = FEATURES_HIGH;
	common->status = STATUS_SEEN | STATUS_DRIVER | STATUS_FEATURES;
	if (!(common->status & STATUS_FEATURES))
		return false;
	common->queue_select = 0;
	common->queue_size = QUEUE;
	set_queue_address(common->descriptors, queue.descriptors);
	set_queue_address(common->driver, &queue.available);
	set_queue_address(common->device, &queue.used);
	notify = (volatile uint16_t *)(notify_base + common->queue_notify * multiplier);
	common->queue_enable = 1;
	common->status = STATUS_SEEN | STATUS_DRIVER | STATUS_FEATURES | STATUS_RUNNING;
	return true;
}

bool metal_virtio_mem_find(void)
{
	for (unsigned number = 0; number < 32; number++) {
		if (arch_pci_read(number << 3, 0) != VENDOR_DEVICE)
			continue;
		unit_size = quire_memory_block_size(&metal.q.config, &metal.machine, &metal.q.memblock);
		if (set_up(number << 3) && unit_size && device->block_size && !(unit_size & (device->block_size - 1)))
			return true;
		metal_print("virtio-mem: the device at %u cannot be used\n", number);
		common = NULL;
	}
	return false;
}

/* --- requests --------------------------------------------------------------------------------------------------------- */

/* One request and its answer. False: refused, or no answer in time. */
static bool ask(unsigned type, quire_phys_t base)
{
	uint16_t seen = __atomic_load_n(&queue.used.index, __ATOMIC_ACQUIRE);
	uint64_t end = arch_now_ns() + ANSWER_NS;

	queue.request = (struct request){ .type = (uint16_t)type, .base = base,
					  .blocks = (uint16_t)qi_div64(unit_size, device->block_size) };
	queue.answer.type = UINT16_MAX;
	queue.descriptors[0].base = arch_image_phys(&queue.request);
	queue.descriptors[0].size = sizeof(queue.request);
	queue.descriptors[0].flags = 1;		/* another follows */
	queue.descriptors[0].next = 1;
	queue.descriptors[1].base = arch_image_phys(&queue.answer);
	queue.descriptors[1].size = 10;		/* the structure without what the compiler appends */
	queue.descriptors[1].flags = 2;		/* the device writes it */
	queue.available.ring[queue.available.index % QUEUE] = 0;
	__atomic_store_n(&queue.available.index, (uint16_t)(queue.available.index + 1), __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*notify = 0;
	while (__atomic_load_n(&queue.used.index, __ATOMIC_ACQUIRE) == seen) {
		if (arch_now_ns() > end)
			return false;
		arch_relax();
	}
	return queue.answer.type == ANSWER_DONE;
}

static void plug(unsigned unit, quire_phys_t base)
{
	if (!ask(REQUEST_PLUG, base)) {
		metal_print("virtio-mem: the host does not give %#llx\n", (unsigned long long)base);
		refused[unit] = true;
	} else if (metal_memory_arrive("virtio-mem", unit, base, unit_size, device->node)) {
		plugged[unit] = true;
	} else {
		refused[unit] = true;
		ask(REQUEST_UNPLUG, base);
	}
}

static bool unplug(unsigned unit, quire_phys_t base)
{
	if (!metal_memory_leave("virtio-mem", unit, base, unit_size))
		return false;
	plugged[unit] = false;
	if (!ask(REQUEST_UNPLUG, base))
		metal_print("virtio-mem: the host does not take %#llx back\n", (unsigned long long)base);
	else
		metal_print("virtio-mem %u: unplugged\n", unit);
	return true;
}

bool metal_virtio_mem_present(void)
{
	for (unsigned unit = 0; unit < UNITS; unit++)
		if (plugged[unit])
			return true;
	return false;
}

unsigned metal_virtio_mem_poll(void)
{
	quire_phys_t first, wanted, have = 0;
	unsigned units, left = 0;

	if (!common)
		return 0;
	first = qi_align_up(device->base, unit_size);
	units = (unsigned)qi_min(qi_div64(device->base + device->usable - first, unit_size), UNITS);
	wanted = qi_align_down(device->requested, unit_size);
	for (unsigned i = 0; i < UNITS; i++)
		have += plugged[i] ? unit_size : 0;
	for (unsigned i = 0; i < units && have < wanted; i++)
		if (!plugged[i] && !refused[i]) {
			plug(i, first + i * unit_size);
			have += plugged[i] ? unit_size : 0;
		}
	/* From the top, so that what stays is in one piece. */
	if (arch_now_ns() < next_try)
		return left;
	for (unsigned i = UNITS; i-- && have > wanted;)
		if (plugged[i] && unplug(i, first + i * unit_size)) {
			have -= unit_size;
			left++;
		}
	if (have > wanted)
		next_try = arch_now_ns() + RETRY_NS;
	return left;
}

/* Included before each file of tests/life: its calls of the engine are stepped through. */
#ifndef TESTS_INTERRUPTS_STEPPED_H
#define TESTS_INTERRUPTS_STEPPED_H

#include "life/life.h"

#include "stepper.h"

#define quire_alloc_contig(...) STEPPED(quire_alloc_contig(__VA_ARGS__))
#define quire_alloc_frames(...) STEPPED(quire_alloc_frames(__VA_ARGS__))
#define quire_alloc_frames_bulk(...) STEPPED(quire_alloc_frames_bulk(__VA_ARGS__))
#define quire_alloc_pages(...) STEPPED(quire_alloc_pages(__VA_ARGS__))
#define quire_alloc_range(...) STEPPED(quire_alloc_range(__VA_ARGS__))
#define quire_balloon_deflate(...) STEPPED(quire_balloon_deflate(__VA_ARGS__))
#define quire_balloon_inflate(...) STEPPED(quire_balloon_inflate(__VA_ARGS__))
#define quire_balloon_register(...) STEPPED(quire_balloon_register(__VA_ARGS__))
#define quire_balloon_unregister(...) STEPPED(quire_balloon_unregister(__VA_ARGS__))
#define quire_cma_alloc(...) STEPPED(quire_cma_alloc(__VA_ARGS__))
#define quire_cma_release(...) STEPPED(quire_cma_release(__VA_ARGS__))
#define quire_compact_node(...) STEPPED(quire_compact_node(__VA_ARGS__))
#define quire_compaction_tick(...) STEPPED(quire_compaction_tick(__VA_ARGS__))
#define quire_cpu_offline(...) STEPPED(quire_cpu_offline(__VA_ARGS__))
#define quire_cpu_online(...) STEPPED(quire_cpu_online(__VA_ARGS__))
#define quire_device_add(...) STEPPED(quire_device_add(__VA_ARGS__))
#define quire_device_remove(...) STEPPED(quire_device_remove(__VA_ARGS__))
#define quire_device_take(...) STEPPED(quire_device_take(__VA_ARGS__))
#define quire_drain_frames(...) STEPPED(quire_drain_frames(__VA_ARGS__))
#define quire_frame_poisoned(...) STEPPED(quire_frame_poisoned(__VA_ARGS__))
#define quire_free_frames(...) STEPPED(quire_free_frames(__VA_ARGS__))
#define quire_free_frames_bulk(...) STEPPED(quire_free_frames_bulk(__VA_ARGS__))
#define quire_free_range(...) STEPPED(quire_free_range(__VA_ARGS__))
#define quire_hotplug_set_policy(...) STEPPED(quire_hotplug_set_policy(__VA_ARGS__))
#define quire_memory_add(...) STEPPED(quire_memory_add(__VA_ARGS__))
#define quire_memory_offline(...) STEPPED(quire_memory_offline(__VA_ARGS__))
#define quire_memory_offline_survey(...) STEPPED(quire_memory_offline_survey(__VA_ARGS__))
#define quire_memory_online(...) STEPPED(quire_memory_online(__VA_ARGS__))
#define quire_memory_remove(...) STEPPED(quire_memory_remove(__VA_ARGS__))
#define quire_memory_withdraw(...) STEPPED(quire_memory_withdraw(__VA_ARGS__))
#define quire_poison_count(...) STEPPED_VOID(quire_poison_count(__VA_ARGS__))
#define quire_poison_frame(...) STEPPED(quire_poison_frame(__VA_ARGS__))
#define quire_put_page(...) STEPPED(quire_put_page(__VA_ARGS__))
#define quire_register_owner(...) STEPPED(quire_register_owner(__VA_ARGS__))
#define quire_reporting_open(...) STEPPED(quire_reporting_open(__VA_ARGS__))
#define quire_reporting_tick(...) STEPPED(quire_reporting_tick(__VA_ARGS__))
#define quire_split_frames(...) STEPPED(quire_split_frames(__VA_ARGS__))
#define quire_survey_range(...) STEPPED(quire_survey_range(__VA_ARGS__))
#define quire_tunables_apply(...) STEPPED(quire_tunables_apply(__VA_ARGS__))
#define quire_unpoison_frame(...) STEPPED(quire_unpoison_frame(__VA_ARGS__))

#endif

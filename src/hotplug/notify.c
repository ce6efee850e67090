/* Those who want to know when memory comes and goes, and those who keep some of it back. */
#include "hotplug/hotplug.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

static struct quire_memory_notice notice_of(enum quire_memory_event event, const struct qi_hot_work *work, int nid_changed)
{
	return (struct quire_memory_notice){
		.event = event, .pfn = work->block.pfn, .pages = work->block.pages, .nid_changed = nid_changed,
	};
}

/* Tell all up to and including `last`; NULL: all. */
static void tell(struct quire *q, const struct quire_memory_notice *notice, const struct quire_memory_notifier *last)
{
	for (struct quire_memory_notifier *n = q->hotplug.notifiers; n; n = n->next) {
		n->notify(n->ctx, notice);
		if (n == last)
			return;
	}
}

enum quire_status qi_notify_going(struct quire *q, enum quire_memory_event event, const struct qi_hot_work *work,
				  int nid_changed, struct quire_hotplug_failure *failure)
{
	struct quire_memory_notice notice = notice_of(event, work, nid_changed);
	bool online = event == QUIRE_MEM_GOING_ONLINE;

	for (struct quire_memory_notifier *n = q->hotplug.notifiers; n; n = n->next) {
		if (n->notify(n->ctx, &notice) == QUIRE_OK)
			continue;
		notice.event = online ? QUIRE_MEM_CANCEL_ONLINE : QUIRE_MEM_CANCEL_OFFLINE;
		tell(q, &notice, n);
		if (failure)
			failure->who = n->name;
		return qi_hotplug_fail(q, failure, QUIRE_EPERM, online ? "cannot come on line" : "cannot go off line",
				       work->block.pfn, work->block.pages, "notifier",
				       "somebody who has a say in it refused");
	}
	return QUIRE_OK;
}

void qi_notify(struct quire *q, enum quire_memory_event event, const struct qi_hot_work *work, int nid_changed)
{
	struct quire_memory_notice notice = notice_of(event, work, nid_changed);

	tell(q, &notice, NULL);
}

enum quire_status quire_register_memory_notifier(struct quire *q, struct quire_memory_notifier *notifier)
{
	struct quire_memory_notifier **at = &q->hotplug.notifiers;
	enum quire_status status = QUIRE_OK;

	if (!notifier || !notifier->notify)
		return QUIRE_EINVAL;
	qi_hotplug_enter(q);
	while (*at && *at != notifier)
		at = &(*at)->next;
	if (*at) {
		status = QUIRE_EEXIST;
	} else {
		notifier->next = NULL;
		*at = notifier;
	}
	qi_hotplug_leave(q);
	return status;
}

enum quire_status quire_unregister_memory_notifier(struct quire *q, struct quire_memory_notifier *notifier)
{
	struct quire_memory_notifier **at = &q->hotplug.notifiers;
	enum quire_status status = QUIRE_ENOENT;

	qi_hotplug_enter(q);
	while (*at && *at != notifier)
		at = &(*at)->next;
	if (*at) {
		*at = notifier->next;
		status = QUIRE_OK;
	}
	qi_hotplug_leave(q);
	return status;
}

enum quire_status quire_register_memory_keeper(struct quire *q, struct quire_memory_keeper *keeper)
{
	struct quire_memory_keeper **at = &q->hotplug.keepers;
	enum quire_status status = QUIRE_OK;

	if (!keeper || !keeper->keeps)
		return QUIRE_EINVAL;
	qi_hotplug_enter(q);
	while (*at && *at != keeper)
		at = &(*at)->next;
	if (*at) {
		status = QUIRE_EEXIST;
	} else {
		keeper->next = NULL;
		*at = keeper;
	}
	qi_hotplug_leave(q);
	return status;
}

enum quire_status quire_unregister_memory_keeper(struct quire *q, struct quire_memory_keeper *keeper)
{
	struct quire_memory_keeper **at = &q->hotplug.keepers;
	enum quire_status status = QUIRE_ENOENT;

	qi_hotplug_enter(q);
	while (*at && *at != keeper)
		at = &(*at)->next;
	if (*at) {
		*at = keeper->next;
		status = QUIRE_OK;
	}
	qi_hotplug_leave(q);
	return status;
}

#endif

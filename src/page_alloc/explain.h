/* Between the parts of explain: judging (explain.c), telling (explain_text.c). */
#ifndef QI_PAGE_ALLOC_EXPLAIN_H
#define QI_PAGE_ALLOC_EXPLAIN_H

#include <quire/explain.h>

#include "page_alloc/page_alloc.h"

/* The zonelist a request would walk; NULL: there is no such node. *start: the node, resolved. */
const struct quire_zonelist *qi_explain_list(const struct quire *q, int nid, quire_gfp_t gfp,
					     const struct quire_node **start);

#endif

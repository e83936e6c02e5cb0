/* SPDX-License-Identifier: Apache-2.0 */
/* Where each gauge of ui/model.h gets its value from. Private to the model. */
#ifndef AVSIM_UI_GAUGE_H
#define AVSIM_UI_GAUGE_H

struct gauges;
struct world;

struct gauges *gauges_create(const struct world *w); /* NULL: no memory */
void gauges_destroy(struct gauges *g);

#endif

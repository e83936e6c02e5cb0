/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions on the virtual clock. Continuous slots of one subscriber with
 * the same period and phase form a group with one timer, and come in slot
 * order; so a subscription fires exactly at its start + k * period. Slots keep
 * the list of those who want their changes.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

struct group {
	struct vtimer timer;
	struct vhal_sub *sub;
	vtime period;
	uint32_t *slot; /* sorted */
	size_t n, room;
	struct group *next;
};

struct vhal_sub {
	struct vhal *v;
	vhal_sub_fn *fn;
	void *ctx;
	struct group *groups;
	struct vhal_sub *next; /* of the store's */
};

struct vhal_sub *vhal_sub_create(struct vhal *v, vhal_sub_fn *fn, void *ctx)
{
	struct vhal_sub *s = calloc(1, sizeof(*s));

	if (s) {
		s->v = v;
		s->fn = fn;
		s->ctx = ctx;
		s->next = v->subs;
		v->subs = s;
		v->frozen = true;
	}
	return s;
}

static void free_group(struct group *g)
{
	evq_disarm(g->sub->v->q, &g->timer);
	free(g->slot);
	free(g);
}

void vhal_sub_destroy(struct vhal_sub *s)
{
	struct vhal_sub **at;

	if (!s) {
		return;
	}
	assert(s->v->depth == 0);
	while (s->groups) {
		struct group *next = s->groups->next;

		free_group(s->groups);
		s->groups = next;
	}
	for (size_t i = 0; i < s->v->n_slots; i++) {
		vhal_sub_remove(s, (uint32_t)i);
	}
	for (at = &s->v->subs; *at != s; at = &(*at)->next) {
	}
	*at = s->next;
	free(s);
}

void vhal_drop_subs(struct vhal *v)
{
	v->run = NULL;
	while (v->subs) {
		vhal_sub_destroy(v->subs);
	}
}

/* ---- delivery ---- */

static void tell(struct vhal_sub *sub, const struct vhal_slot *s,
		 enum vhal_event_why why, enum cmd_source source)
{
	struct vhal *v = sub->v;
	const struct vhal_event e = {
		.t = evq_now(v->q),
		.value = &s->val,
		.why = why,
		.source = source,
		.name = s->name,
		.slot = (uint32_t)(s - v->slot),
	};

	v->depth++;
	sub->fn(sub->ctx, &e);
	v->depth--;
}

void vhal_deliver(struct vhal *v, struct vhal_slot *s, enum vhal_event_why why,
		  enum cmd_source source)
{
	(void)v;
	for (uint32_t i = 0; i < s->n_subs; i++) {
		tell(s->sub[i], s, why, source);
	}
}

static void sample(struct vtimer *t, vtime now)
{
	struct group *g = t->ctx;
	struct vhal *v = g->sub->v;

	for (size_t i = 0; i < g->n; i++) {
		struct vhal_slot *s = &v->slot[g->slot[i]];

		if (!s->has) {
			continue;
		}
		/* the value holds now, whenever it was set */
		if (s->val.t < now) {
			s->val.t = now;
		}
		tell(g->sub, s, VHAL_SAMPLED, CMD_FROM_ECU);
	}
	/* cannot fail: the timer's place in the queue was free a moment ago */
	evq_arm(v->q, t, now + g->period);
}

/* ---- membership ---- */

/* Group that fires at now + k * @period, k > 0, made if there is none. One that
 * is still to fire at this very instant would deliver twice. */
static struct group *get_group(struct vhal_sub *s, vtime period)
{
	vtime now = evq_now(s->v->q);
	struct group *g;

	for (g = s->groups; g; g = g->next) {
		if (g->period == period && g->timer.due > now &&
		    (g->timer.due - now) % period == 0) {
			return g;
		}
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		return NULL;
	}
	g->sub = s;
	g->period = period;
	g->timer.fn = sample;
	g->timer.ctx = g;
	if (evq_arm(s->v->q, &g->timer, now + period) < 0) {
		free(g);
		return NULL;
	}
	g->next = s->groups;
	s->groups = g;
	return g;
}

/* Index of the first member not before @slot. */
static size_t member(const struct group *g, uint32_t slot)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->slot[mid] < slot) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

static int join(struct group *g, uint32_t slot)
{
	size_t at = member(g, slot);

	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 8;
		uint32_t *v = realloc(g->slot, room * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		g->slot = v;
		g->room = room;
	}
	memmove(g->slot + at + 1, g->slot + at, (g->n - at) * sizeof(*g->slot));
	g->slot[at] = slot;
	g->n++;
	return 0;
}

/* Take @slot out of its group; a group left empty goes. */
static void leave(struct vhal_sub *s, uint32_t slot)
{
	for (struct group **p = &s->groups; *p; p = &(*p)->next) {
		struct group *g = *p;
		size_t at = member(g, slot);

		if (at == g->n || g->slot[at] != slot) {
			continue;
		}
		g->n--;
		memmove(g->slot + at, g->slot + at + 1,
			(g->n - at) * sizeof(*g->slot));
		if (g->n == 0) {
			*p = g->next;
			free_group(g);
		}
		return;
	}
}

static int listen_to(struct vhal_sub *sub, struct vhal_slot *s)
{
	for (uint32_t i = 0; i < s->n_subs; i++) {
		if (s->sub[i] == sub) {
			return 0;
		}
	}
	if (s->n_subs == s->subs_room) {
		uint32_t room = s->subs_room ? s->subs_room * 2 : 2;
		struct vhal_sub **v = realloc(s->sub, room * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		s->sub = v;
		s->subs_room = room;
	}
	s->sub[s->n_subs++] = sub;
	return 0;
}

void vhal_sub_remove(struct vhal_sub *s, uint32_t slot)
{
	struct vhal_slot *at;

	assert(s->v->depth == 0);
	if (slot >= s->v->n_slots) {
		return;
	}
	at = &s->v->slot[slot];
	for (uint32_t i = 0; i < at->n_subs; i++) {
		if (at->sub[i] == s) {
			at->n_subs--;
			memmove(at->sub + i, at->sub + i + 1,
				(at->n_subs - i) * sizeof(struct vhal_sub *));
			break;
		}
	}
	leave(s, slot);
}

static vtime period_of(const struct vhal_prop_config *cfg, float rate_hz)
{
	float rate = rate_hz;

	if (rate > cfg->max_rate_hz) {
		rate = cfg->max_rate_hz;
	}
	if (!(rate >= cfg->min_rate_hz)) {
		rate = cfg->min_rate_hz; /* NaN too */
	}
	if (!(rate <= VHAL_RATE_MAX_HZ)) {
		rate = VHAL_RATE_MAX_HZ;
	}
	return rate > 0 ? vtime_from_s(1.0 / (double)rate) : VT_S;
}

static int add(struct vhal_sub *sub, uint32_t slot, vtime period)
{
	struct vhal_slot *s = &sub->v->slot[slot];
	bool sampled = s->prop->cfg.mode == VHAL_CONTINUOUS;
	struct group *g;

	leave(sub, slot);
	if (listen_to(sub, s) < 0) {
		return -ENOMEM;
	}
	if (sampled) {
		g = get_group(sub, period);
		if (!g || join(g, slot) < 0) {
			vhal_sub_remove(sub, slot);
			return -ENOMEM;
		}
	}
	if (s->has) {
		if (sampled && s->val.t < evq_now(sub->v->q)) {
			s->val.t = evq_now(sub->v->q);
		}
		tell(sub, s, sampled ? VHAL_SAMPLED : VHAL_CHANGED,
		     CMD_FROM_ECU);
	}
	return 0;
}

int vhal_sub_add(struct vhal_sub *sub, uint32_t slot, float rate_hz)
{
	const struct vhal_slot *s;

	assert(sub->v->depth == 0);
	if (slot >= sub->v->n_slots) {
		return -ENOENT;
	}
	s = &sub->v->slot[slot];
	if (!(s->area->access & VHAL_READ)) {
		return -EACCES;
	}
	return add(sub, slot, period_of(&s->prop->cfg, rate_hz));
}

/* ---- the run's own subscriber ---- */

static void publish(void *ctx, const struct vhal_event *e)
{
	struct vhal *v = ctx;

	if (v->bus) {
		bus_publish(v->bus, TOPIC_VHAL, e);
	}
}

/* Write-only properties are part of the evidence too: no check of access. */
int vhal_start(struct vhal *v, struct av_err *err)
{
	v->run = vhal_sub_create(v, publish, v);
	if (!v->run) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < v->n_slots; i++) {
		const struct vhal_prop_config *cfg = &v->slot[i].prop->cfg;
		float rate = VHAL_RUN_RATE_MAX_HZ;
		vtime period;

		if (cfg->max_rate_hz < rate && cfg->max_rate_hz > 0) {
			rate = cfg->max_rate_hz;
		}
		period = vtime_from_s(1.0 / (double)rate);
		if (add(v->run, (uint32_t)i, period) < 0) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	return 0;
}

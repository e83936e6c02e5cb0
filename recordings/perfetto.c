/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A track is made when something first happens on it, and named in a packet of
 * its own just before. Slices of one track must nest: what may overlap (faults,
 * sessions of sound, requests) is spread over lanes, tracks of the same name,
 * which tools draw as one. A state is a slice that the next value ends.
 *
 * Numbers of tracks go up from a base of ours, so that the same records make
 * the same bytes, and tracks of other traces stay theirs in a merged one.
 */
#include "config.h"

#include "recordings/perfetto_wire.h"

#include "sim/core/text.h"
#include "sim/vhal/vhal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID_BASE UINT64_C(0x617673696d000000) /* "avsim" */

enum {
	LANES_MAX = 64,
	NAME_MAX_ = 256, /* of a track */
	HASH_SIZE = 2 * PERFETTO_TRACKS_MAX, /* a power of two */
	COLUMNS_MAX = 32, /* of a record's text */
};

enum kind { GROUP, COUNTER, STATE, LANE };

struct track {
	uint64_t uuid, parent;
	enum kind kind;
	unsigned int lane;
	char *name;
	char *open; /* STATE: its value, LANE: whose slice; NULL: none is open */
	vtime end;  /* LANE: of the last slice */
};

struct perfetto {
	perfetto_fn *fn;
	void *ctx;
	vtime from;
	bool begins;
	uint64_t lost;
	struct track *track[PERFETTO_TRACKS_MAX];
	size_t n_tracks;
	uint16_t hash[HASH_SIZE]; /* place in track[] plus one */
	struct track *root;
	struct packet packet;
};

/* ---- packets ---- */

static void send(struct perfetto *p, bool head)
{
	p->fn(p->ctx, head || p->begins, p->packet.v, p->packet.n);
}

static void event(struct perfetto *p, const struct packet_event *e)
{
	packet_event(&p->packet, e);
	send(p, false);
}

static void instant(struct perfetto *p, const struct track *tr, vtime t,
		    const char *name, const struct packet_arg *arg,
		    size_t n_args)
{
	if (tr) {
		event(p, &(struct packet_event){ .type = PACKET_INSTANT,
						 .t = t,
						 .track = tr->uuid,
						 .name = name,
						 .arg = arg,
						 .n_args = n_args });
	}
}

static void begin(struct perfetto *p, const struct track *tr, vtime t,
		  const char *name, const struct packet_arg *arg, size_t n_args)
{
	event(p, &(struct packet_event){ .type = PACKET_BEGIN,
					 .t = t,
					 .track = tr->uuid,
					 .name = name,
					 .arg = arg,
					 .n_args = n_args });
}

static void end(struct perfetto *p, const struct track *tr, vtime t)
{
	event(p, &(struct packet_event){
			 .type = PACKET_END, .t = t, .track = tr->uuid });
}

/* ---- tracks ---- */

static size_t hash_of(uint64_t parent, enum kind kind, unsigned int lane,
		      const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ parent ^
		     (uint64_t)kind << 32 ^ (uint64_t)lane << 40;

	for (; *name; name++) {
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	}
	return (h ^ h >> 32) & (HASH_SIZE - 1);
}

/* Its slot, or the free one where it would be. */
static size_t slot_of(const struct perfetto *p, uint64_t parent, enum kind kind,
		      unsigned int lane, const char *name)
{
	size_t at = hash_of(parent, kind, lane, name);

	while (p->hash[at]) {
		const struct track *tr = p->track[p->hash[at] - 1];

		if (tr->parent == parent && tr->kind == kind &&
		    tr->lane == lane && !strcmp(tr->name, name)) {
			break;
		}
		at = (at + 1) & (HASH_SIZE - 1);
	}
	return at;
}

static struct track *new_track(struct perfetto *p, size_t slot, uint64_t parent,
			       enum kind kind, unsigned int lane,
			       const char *name, const char *unit)
{
	struct track *tr;

	if (p->n_tracks == PERFETTO_TRACKS_MAX) {
		p->lost++;
		return NULL;
	}
	tr = calloc(1, sizeof(*tr));
	if (tr) {
		tr->name = strdup(name);
	}
	if (!tr || !tr->name) {
		free(tr);
		p->lost++;
		return NULL;
	}
	tr->uuid = UUID_BASE + p->n_tracks;
	tr->parent = parent;
	tr->kind = kind;
	tr->lane = lane;
	tr->end = INT64_MIN;
	p->track[p->n_tracks++] = tr;
	p->hash[slot] = (uint16_t)p->n_tracks;
	packet_track(&p->packet, tr->uuid, parent, name,
		     kind == COUNTER ? (unit ? unit : "") : NULL);
	send(p, true);
	return tr;
}

/* NULL: no room for it; that is counted. */
static struct track *track(struct perfetto *p, const struct track *parent,
			   enum kind kind, unsigned int lane, const char *name,
			   const char *unit)
{
	uint64_t above = parent ? parent->uuid : 0;
	char cut[NAME_MAX_];
	size_t slot;

	snprintf(cut, sizeof(cut), "%s", name);
	slot = slot_of(p, above, kind, lane, cut);
	return p->hash[slot] ? p->track[p->hash[slot] - 1] :
			       new_track(p, slot, above, kind, lane, cut, unit);
}

/* NULL: there is none yet. */
static struct track *known(const struct perfetto *p, const struct track *parent,
			   enum kind kind, unsigned int lane, const char *name)
{
	char cut[NAME_MAX_];
	size_t slot;

	snprintf(cut, sizeof(cut), "%s", name);
	slot = slot_of(p, parent->uuid, kind, lane, cut);
	return p->hash[slot] ? p->track[p->hash[slot] - 1] : NULL;
}

/* A track that has tracks below it; what happens on it itself may overlap. */
static struct track *group(struct perfetto *p, const char *name)
{
	return track(p, p->root, GROUP, 0, name, NULL);
}

static void counter(struct perfetto *p, const struct track *parent, vtime t,
		    const char *name, double value, const char *unit)
{
	const struct track *tr =
		parent && isfinite(value) ?
			track(p, parent, COUNTER, 0, name, unit) :
			NULL;

	if (tr) {
		event(p, &(struct packet_event){ .type = PACKET_COUNTER,
						 .t = t,
						 .track = tr->uuid,
						 .value = value });
	}
}

/* What a track remembers of its slice is what the trace shows of it. */
static bool opened(struct perfetto *p, struct track *tr, const char *text)
{
	tr->open = strndup(text, PERFETTO_TEXT_MAX);
	p->lost += !tr->open;
	return tr->open != NULL;
}

static bool is_open(const struct track *tr, const char *text)
{
	return tr && tr->open && !strncmp(tr->open, text, PERFETTO_TEXT_MAX);
}

static void close_slice(struct perfetto *p, struct track *tr, vtime t)
{
	end(p, tr, t);
	free(tr->open);
	tr->open = NULL;
	tr->end = t;
}

/* The state @name is @value from now on. */
static void state(struct perfetto *p, const struct track *parent, vtime t,
		  const char *name, const char *value)
{
	struct track *tr = parent ? track(p, parent, STATE, 0, name, NULL) :
				    NULL;

	value = *value ? value : "(none)";
	if (!tr || is_open(tr, value)) {
		return;
	}
	if (tr->open) {
		close_slice(p, tr, t);
	}
	if (opened(p, tr, value)) {
		begin(p, tr, t, value, NULL, 0);
	}
}

/* What was text is a number now: the text ends. */
static void no_state(struct perfetto *p, const struct track *parent, vtime t,
		     const char *name)
{
	struct track *tr = known(p, parent, STATE, 0, name);

	if (tr && tr->open) {
		close_slice(p, tr, t);
	}
}

/* A lane with no slice since @from. */
static struct track *free_lane(struct perfetto *p, const struct track *parent,
			       const char *name, vtime from)
{
	for (unsigned int i = 0; parent && i < LANES_MAX; i++) {
		struct track *tr = track(p, parent, LANE, i, name, NULL);

		if (!tr || (!tr->open && tr->end <= from)) {
			return tr;
		}
	}
	p->lost++;
	return NULL;
}

/* Something of the track @name begins; @id tells it from others like it. */
static void span_begin(struct perfetto *p, const struct track *parent, vtime t,
		       const char *name, const char *id, const char *what)
{
	struct track *tr = free_lane(p, parent, name, t);

	if (tr && opened(p, tr, id)) {
		begin(p, tr, t, what, NULL, 0);
	}
}

/* Nothing, where it began before the trace did. */
static void span_end(struct perfetto *p, const struct track *parent, vtime t,
		     const char *name, const char *id)
{
	for (unsigned int i = 0; parent && i < LANES_MAX; i++) {
		struct track *tr = known(p, parent, LANE, i, name);

		if (is_open(tr, id)) {
			close_slice(p, tr, t);
			return;
		}
	}
}

/* ---- texts of records ---- */

/* The columns of @text, at its tabs, in place. Return: how many. */
static size_t columns(char *text, char *v[COLUMNS_MAX])
{
	size_t n = 0;

	while (n < COLUMNS_MAX) {
		char *tab = strchr(text, '\t');

		v[n++] = text;
		if (!tab) {
			break;
		}
		*tab = '\0';
		text = tab + 1;
	}
	return n;
}

static bool number(const char *text, size_t len, double *out)
{
	return len > 0 && av_num_parse(text, len, out) == 0;
}

/* "KEY TEXT" */
static const char *two(char *buf, size_t size, const char *key,
		       const char *text)
{
	snprintf(buf, size, "%s%s%s", key, *text ? " " : "", text);
	return buf;
}

/* ---- channels ---- */

static void put_vhal(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "vhal");
	size_t len = strcspn(r->key, "/");
	const struct vhal_prop_info *info;
	const char *label = NULL;
	char prop[128];

	if (!above) {
		return;
	}
	snprintf(prop, sizeof(prop), "%.*s", (int)(len < 128 ? len : 127),
		 r->key);
	info = vhal_prop_by_name(prop);
	if (r->val != REC_VAL_NUM) {
		state(p, above, r->t, r->key, r->text);
		return;
	}
	if (info && *info->enum_name && fabs(r->num) < 0x1p53) {
		label = vhal_enum_label(info->enum_name, (int64_t)r->num);
	}
	if (label) {
		state(p, above, r->t, r->key, label);
		return;
	}
	no_state(p, above, r->t, r->key);
	counter(p, above, r->t, r->key, r->num, info ? info->unit : NULL);
}

static void put_signal(struct perfetto *p, const struct rec_record *r)
{
	counter(p, group(p, "signals"), r->t, r->key, r->num, NULL);
}

static void put_can(struct perfetto *p, const struct rec_record *r)
{
	const char *id = strrchr(r->key, ':');
	const struct track *above = group(p, "can");
	struct packet_arg arg = { .name = "data", .text = r->text };
	char bus[NAME_MAX_];

	if (!above || !id) {
		return;
	}
	snprintf(bus, sizeof(bus), "%.*s", (int)(id - r->key), r->key);
	instant(p, track(p, above, GROUP, 0, bus, NULL), r->t, id + 1, &arg, 1);
}

static void put_numbers(struct perfetto *p, const struct rec_record *r,
			const struct track *above, const char *prefix,
			const char *const *names, size_t n_names)
{
	const char *text = r->text;

	for (size_t i = 0; i < n_names && *text; i++) {
		size_t len = strcspn(text, "\t");
		char name[NAME_MAX_];
		double v;

		if (number(text, len, &v)) {
			snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
			counter(p, above, r->t, name, v, NULL);
		}
		text += len + (text[len] == '\t');
	}
}

static void put_imu(struct perfetto *p, const struct rec_record *r)
{
	static const char *const axes[IMU_VALUES_MAX] = {
		" x", " y", " z", " bias x", " bias y", " bias z"
	};

	put_numbers(p, r, group(p, "imu"), r->key, axes, IMU_VALUES_MAX);
}

/* Fixes alone: satellites and raw measurements are for other tools. */
static void put_gnss(struct perfetto *p, const struct rec_record *r)
{
	static const char *const fields[GNSS_FIX_N] = {
#define X(name) #name,
		GNSS_FIX_FIELDS(X)
#undef X
	};
	char prefix[64];

	if (!strncmp(r->key, "fix/", 4)) {
		snprintf(prefix, sizeof(prefix), "%.60s ", r->key + 4);
		put_numbers(p, r, group(p, "gnss"), prefix, fields, GNSS_FIX_N);
	}
}

/* Sessions of sound: "acquire usage=U ... session=ID", "release ..." */
static void put_audio(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "audio");
	const char *id = strstr(r->text, "session=");
	const char *args = strchr(r->text, ' ');
	char name[NAME_MAX_];

	if (!above) {
		return;
	}
	if (id && args && !strncmp(r->text, "acquire ", 8)) {
		snprintf(name, sizeof(name), "%.*s", (int)(id - args - 1),
			 args + 1);
		span_begin(p, above, r->t, r->key, id, name);
	} else if (id && !strncmp(r->text, "release ", 8)) {
		span_end(p, above, r->t, r->key, id);
	} else {
		instant(p, above, r->t, two(name, sizeof(name), r->key, r->text),
			NULL, 0);
	}
}

static void put_power(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "power");
	char name[NAME_MAX_];

	if (!strcmp(r->key, "state")) {
		state(p, above, r->t, r->key, r->text);
	} else {
		instant(p, above, r->t, two(name, sizeof(name), r->key, r->text),
			NULL, 0);
	}
}

/* By source; why it was refused comes behind a tab. */
static void put_command(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "commands");
	size_t len = strcspn(r->text, "\t");
	struct packet_arg arg = { .name = "refused",
				  .text = r->text + len + 1 };
	char name[PERFETTO_TEXT_MAX];

	if (above) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)(len < sizeof(name) ? len : sizeof(name)),
			 r->text);
		instant(p, track(p, above, GROUP, 0, r->key, NULL), r->t, name,
			&arg, r->text[len] == '\t');
	}
}

/* "begin ARGS", "end ARGS" */
static void put_fault(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "faults");
	const char *args = r->text + strcspn(r->text, " ");
	char name[NAME_MAX_];

	if (!strncmp(r->text, "begin", 5)) {
		span_begin(p, above, r->t, r->key, args,
			   two(name, sizeof(name), r->key,
			       *args ? args + 1 : args));
	} else {
		span_end(p, above, r->t, r->key, args);
	}
}

static void put_scenario(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above = group(p, "scenario");
	char name[PERFETTO_TEXT_MAX];

	if (!strcmp(r->key, "mark")) {
		state(p, above, r->t, r->key, r->text);
	} else if (above) {
		instant(p, track(p, above, GROUP, 0, r->key, NULL), r->t,
			two(name, sizeof(name), r->key, r->text), NULL, 0);
	}
}

/* "health state=running requests=12 p99=80us ...": counters by name. */
static void put_health(struct perfetto *p, const struct rec_record *r,
		       const struct track *above)
{
	for (const char *at = strchr(r->text, ' '); at; at = strchr(at, ' ')) {
		size_t key, len;
		char name[NAME_MAX_], value[64];
		const char *unit = "";
		double v;

		at++;
		key = strcspn(at, "= ");
		if (at[key] != '=') {
			continue;
		}
		snprintf(name, sizeof(name), "%.*s",
			 (int)(key < NAME_MAX_ ? key : NAME_MAX_), at);
		at += key + 1;
		len = strcspn(at, " ");
		snprintf(value, sizeof(value), "%.*s",
			 (int)(len < 64 ? len : 64), at);
		len = strlen(value);
		if (len > 2 && !strcmp(value + len - 2, "us")) {
			unit = "us";
			len -= 2;
		}
		if (number(value, len, &v)) {
			counter(p, above, r->t, name, v, unit);
		} else {
			state(p, above, r->t, name, value);
		}
	}
}

/*
 * "STATUS<TAB>1.5 us<TAB>BYTES IN<TAB>BYTES OUT<TAB>PEER", published when it was
 * answered. How long it took is time of the host, which is virtual time only
 * where the run goes at its pace.
 */
static bool put_request(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above;
	char text[PERFETTO_TEXT_MAX], *v[COLUMNS_MAX];
	double us, in, out;
	struct track *tr;
	vtime from;

	snprintf(text, sizeof(text), "%s", r->text);
	if (columns(text, v) != 5 || !number(v[1], strcspn(v[1], " "), &us) ||
	    !number(v[2], strlen(v[2]), &in) ||
	    !number(v[3], strlen(v[3]), &out) || !(us >= 0)) {
		return false;
	}
	from = us < 1e12 && r->t - p->from > (vtime)(us * 1e3) ?
		       r->t - (vtime)(us * 1e3) :
		       p->from;
	from = from < r->t ? from : r->t;
	above = group(p, "services");
	tr = free_lane(p, above, r->key, from);
	if (tr) {
		const struct packet_arg arg[] = {
			{ .name = "status", .text = v[0] },
			{ .name = "peer", .text = v[4] },
			{ .name = "host_us", .num = us },
			{ .name = "bytes_in", .num = in },
			{ .name = "bytes_out", .num = out },
		};
		const char *method = strrchr(r->key, '/');

		begin(p, tr, from, method ? method + 1 : r->key, arg, 5);
		end(p, tr, r->t);
		tr->end = r->t;
	}
	return true;
}

static void put_device(struct perfetto *p, const struct rec_record *r)
{
	const struct track *above;

	if (strchr(r->key, '/') && put_request(p, r)) {
		return;
	}
	above = group(p, "devices");
	if (above) {
		above = track(p, above, GROUP, 0, r->key, NULL);
	}
	if (above && !strncmp(r->text, "health ", 7)) {
		put_health(p, r, above);
	} else {
		instant(p, above, r->t, r->text, NULL, 0);
	}
}

/* ---- all ---- */

void perfetto_put(struct perfetto *p, const struct rec_record *rec)
{
	static void (*const put[REC_N_CHANNELS])(struct perfetto *,
						 const struct rec_record *) = {
		[REC_CAN] = put_can,	     [REC_SIGNAL] = put_signal,
		[REC_VHAL] = put_vhal,	     [REC_IMU] = put_imu,
		[REC_GNSS] = put_gnss,	     [REC_AUDIO] = put_audio,
		[REC_POWER] = put_power,     [REC_COMMAND] = put_command,
		[REC_FAULT] = put_fault,     [REC_SCENARIO] = put_scenario,
		[REC_DEVICE] = put_device,
	};

	if (put[rec->ch]) {
		put[rec->ch](p, rec);
	}
}

void perfetto_clock(struct perfetto *p, vtime t, int64_t unix_ns)
{
	packet_clock(&p->packet, t, unix_ns);
	send(p, false);
}

void perfetto_note(struct perfetto *p, vtime t, const char *text)
{
	instant(p, p->root, t, text, NULL, 0);
}

void perfetto_begins(struct perfetto *p, bool on)
{
	p->begins = on;
}

void perfetto_end(struct perfetto *p, vtime t)
{
	for (size_t i = 0; i < p->n_tracks; i++) {
		if (p->track[i]->kind == STATE && p->track[i]->open) {
			close_slice(p, p->track[i], t);
		}
	}
}

uint64_t perfetto_lost(const struct perfetto *p)
{
	return p->lost;
}

struct perfetto *perfetto_create(const char *title, vtime from, perfetto_fn *fn,
				 void *ctx)
{
	struct perfetto *p = calloc(1, sizeof(*p));
	char name[NAME_MAX_];

	if (!p) {
		return NULL;
	}
	p->fn = fn;
	p->ctx = ctx;
	p->from = from;
	two(name, sizeof(name), "avsim", title ? title : "");
	p->root = track(p, NULL, GROUP, 0, name, NULL);
	if (!p->root) {
		perfetto_destroy(p);
		return NULL;
	}
	return p;
}

void perfetto_destroy(struct perfetto *p)
{
	for (size_t i = 0; p && i < p->n_tracks; i++) {
		free(p->track[i]->open);
		free(p->track[i]->name);
		free(p->track[i]);
	}
	free(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/gnss/serve.h"

#include "sim/gnss/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define END_MARK "\n\n\n\n"
#define KEPT 64 /* answers that wait, of each kind */

static const char cmd_location[] = "CMD_GET_LOCATION";
static const char cmd_raw[] = "CMD_GET_RAWMEASUREMENT";
#define CMD_MAX (sizeof(cmd_raw) - 1)

/* A finished answer, end mark included. */
struct answer {
	char *text;
	size_t len;
	vtime t;
};

/* Oldest first; the last one given stays at the head until another is asked
 * for. */
struct answers {
	struct answer v[KEPT];
	size_t first, n;
	bool given; /* the first one was */
};

struct gnss_serve {
	struct gnss_serve_env env;
	struct answers fix, raw;
	char cmd[CMD_MAX];
	size_t cmd_len;
	struct gnss_serve_stats stats;
};

struct gnss_serve *gnss_serve_create(const struct gnss_serve_env *env)
{
	struct gnss_serve *s = calloc(1, sizeof(*s));

	if (s) {
		s->env = *env;
	}
	return s;
}

static void drop(struct answers *a)
{
	free(a->v[a->first].text);
	a->v[a->first].text = NULL;
	a->first = (a->first + 1) % KEPT;
	a->n--;
	a->given = false;
}

void gnss_serve_destroy(struct gnss_serve *s)
{
	if (!s) {
		return;
	}
	while (s->fix.n > 0) {
		drop(&s->fix);
	}
	while (s->raw.n > 0) {
		drop(&s->raw);
	}
	free(s);
}

static void missed(struct gnss_serve *s, struct answers *a)
{
	s->stats.missed += !a->given;
	drop(a);
}

/* Let go what is too old to be given while something newer is there. */
static void expire(struct gnss_serve *s, struct answers *a)
{
	const struct answer *last;

	if (a->n == 0) {
		return;
	}
	last = &a->v[(a->first + a->n - 1) % KEPT];
	while (a->n > 1 && last->t - a->v[a->first].t > s->env.keep) {
		missed(s, a);
	}
}

/* Takes @text. */
static void push(struct gnss_serve *s, struct answers *a, char *text,
		 size_t len, vtime t)
{
	if (a->n == KEPT) {
		missed(s, a);
	}
	a->v[(a->first + a->n++) % KEPT] =
		(struct answer){ .text = text, .len = len, .t = t };
	expire(s, a);
}

static int push_fix(struct gnss_serve *s, const struct gnss_event *e)
{
	char *text;
	size_t n;

	if (e->fix->mode < 2) {
		return 0; /* the last place goes on being given */
	}
	text = malloc(GNSS_FIX_LINE_MAX + sizeof(END_MARK));
	if (!text) {
		return -ENOMEM;
	}
	n = gnss_fix_line(e->fix, e->provider, e->t, text);
	memcpy(text + n, END_MARK, sizeof(END_MARK));
	push(s, &s->fix, text, n + sizeof(END_MARK) - 1, e->t);
	return 0;
}

static int push_raw(struct gnss_serve *s, const struct gnss_event *e)
{
	size_t size = strlen(e->header) + strlen(e->rows) + 16;
	char *text = malloc(size);
	int n;

	if (!text) {
		return -ENOMEM;
	}
	n = snprintf(text, size, "# %s\n%s%s", e->header, e->rows, END_MARK);
	push(s, &s->raw, text, (size_t)n, e->t);
	return 0;
}

int gnss_serve_event(struct gnss_serve *s, const struct gnss_event *e)
{
	int ret = 0;

	if (e->kind == GNSS_FIX && s->env.port != GNSS_PORT_RAW) {
		ret = push_fix(s, e);
	} else if (e->kind == GNSS_RAW && s->env.port != GNSS_PORT_LOCATION) {
		ret = push_raw(s, e);
	}
	s->stats.missed += ret < 0;
	return ret;
}

static void say(struct gnss_serve *s, const char *text, size_t len)
{
	s->env.write(s->env.ctx, text, len);
}

static void answer_location(struct gnss_serve *s)
{
	struct answers *a = &s->fix;

	s->stats.locations++;
	if (a->given && a->n > 1) {
		drop(a);
	}
	if (a->n == 0) {
		say(s, END_MARK, sizeof(END_MARK) - 1);
		return;
	}
	s->stats.fixes += !a->given;
	a->given = true;
	say(s, a->v[a->first].text, a->v[a->first].len);
}

static void answer_raw(struct gnss_serve *s)
{
	struct answers *a = &s->raw;

	s->stats.raws++;
	/* what nobody asked for in time is past */
	while (a->n > 0 &&
	       *s->env.clock - a->v[a->first].t > s->env.keep + VT_S) {
		missed(s, a);
	}
	if (a->n == 0) {
		say(s, END_MARK, sizeof(END_MARK) - 1);
		return;
	}
	s->stats.epochs++;
	a->given = true;
	say(s, a->v[a->first].text, a->v[a->first].len);
	drop(a);
}

/* Is what has come so far the beginning of a request? */
static bool begins(const struct gnss_serve *s, const char *cmd, size_t len)
{
	return s->cmd_len <= len && !memcmp(s->cmd, cmd, s->cmd_len);
}

static void step(struct gnss_serve *s)
{
	if (s->cmd_len == sizeof(cmd_location) - 1 &&
	    begins(s, cmd_location, sizeof(cmd_location) - 1)) {
		s->cmd_len = 0;
		answer_location(s);
	} else if (s->cmd_len == sizeof(cmd_raw) - 1 &&
		   begins(s, cmd_raw, sizeof(cmd_raw) - 1)) {
		s->cmd_len = 0;
		answer_raw(s);
	}
	while (s->cmd_len > 0 &&
	       !begins(s, cmd_location, sizeof(cmd_location) - 1) &&
	       !begins(s, cmd_raw, sizeof(cmd_raw) - 1)) {
		s->stats.junk++;
		memmove(s->cmd, s->cmd + 1, --s->cmd_len);
	}
}

void gnss_serve_feed(struct gnss_serve *s, const void *buf, size_t len)
{
	const char *p = buf;

	for (size_t i = 0; i < len; i++) {
		s->cmd[s->cmd_len++] = p[i];
		step(s);
	}
}

void gnss_serve_reset(struct gnss_serve *s)
{
	s->stats.junk += s->cmd_len;
	s->cmd_len = 0;
}

void gnss_serve_stats(const struct gnss_serve *s, struct gnss_serve_stats *out)
{
	*out = s->stats;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/replay_source.h"

#include "recordings/feed.h"
#include "recordings/rec.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct replay_source {
	struct rec_reader *reader;
	struct world *w;
	struct feed feed;
	bool frames; /* else commands */
	struct rec_record rec;
	bool has;
	struct av_err err;
};

/* When the present record has to be fed. A command applied in the step at t was
 * posted some time after the step before. */
static vtime due(void *ctx)
{
	const struct replay_source *s = ctx;

	if (!s->has) {
		return VT_NEVER;
	}
	return s->frames ? s->rec.t : s->rec.t - VEHICLE_STEP / 2;
}

/* Commands by verdict: the source is the key, a refusal follows a tab. */
static int feed_command(struct replay_source *s)
{
	size_t len = strcspn(s->rec.text, "\t");
	char *text;
	int ret = -EBADMSG;

	for (int i = 0; i < CMD_N_SOURCES; i++) {
		if (strcmp(cmd_source_names[i], s->rec.key) != 0) {
			continue;
		}
		if (!cmd_source_is_input((enum cmd_source)i)) {
			return 0; /* the simulation makes it again */
		}
		text = strndup(s->rec.text, len);
		if (!text) {
			return av_err_set(&s->err, -ENOMEM, "out of memory");
		}
		ret = cmdq_post(s->w->cmdq, (enum cmd_source)i, text);
		free(text);
	}
	return ret < 0 ? av_err_set(&s->err, ret,
				    "a recorded command cannot be posted") :
			 0;
}

static int advance(struct replay_source *s)
{
	int ret = rec_next(s->reader, &s->rec, &s->err);

	s->has = ret > 0;
	return ret;
}

static int feed_frame(struct replay_source *s)
{
	if (s->rec.frame->bus >= s->w->n_buses) {
		return av_err_set(&s->err, -EBADMSG,
				  "a recorded frame is on a bus that does not "
				  "exist");
	}
	ecus_replay(s->w->ecus, s->rec.frame);
	return 0;
}

static void step(void *ctx)
{
	struct replay_source *s = ctx;

	if ((s->frames ? feed_frame(s) : feed_command(s)) < 0) {
		s->has = false;
		return;
	}
	advance(s);
}

int replay_source_create(const char *path, struct world *w,
			 struct replay_source **out, struct av_err *err)
{
	struct replay_source *s = calloc(1, sizeof(*s));
	struct rec_filter f = { .to = VT_NEVER, .text = true };
	int ret;

	if (!s) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	s->w = w;
	s->feed = (struct feed){ .q = w->q, .due = due, .step = step, .ctx = s };
	ret = rec_open(path, &s->reader, err);
	if (ret == 0) {
		s->frames = !strcmp(rec_meta(s->reader)->kind, "import");
		f.channels = 1u << (s->frames ? REC_CAN : REC_COMMAND);
		f.text = !s->frames;
		ret = rec_seek(s->reader, &f, err);
	}
	if (ret == 0) {
		ret = advance(s) < 0 ? s->err.code : 0;
		*err = s->err;
	}
	if (ret < 0) {
		replay_source_destroy(s);
		return ret;
	}
	/* frames of time 0 come after world_start(), commands before it */
	if (s->frames) {
		feed_start(&s->feed);
	} else {
		feed_run(&s->feed, 0);
	}
	*out = s;
	return 0;
}

void replay_source_destroy(struct replay_source *s)
{
	if (!s) {
		return;
	}
	feed_stop(&s->feed);
	rec_close_reader(s->reader);
	free(s);
}

int replay_source_status(const struct replay_source *s, struct av_err *err)
{
	if (s->err.code == 0 && s->feed.error < 0) {
		return av_err_set(err, s->feed.error, "out of memory");
	}
	*err = s->err;
	return s->err.code;
}

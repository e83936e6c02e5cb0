/* SPDX-License-Identifier: Apache-2.0 */
/* Faults to start and clear, actions to do, what is expected of the run. */
#include "config.h"

#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/action.h"
#include "scenarios/fault.h"
#include "sim/world.h"
#include "ui/tui.h"

/* Text of an active fault of this name, or NULL. */
static const char *active_text(const struct tui *t, const char *name)
{
	const struct faults *f = t->env.w->faults;
	size_t len = strlen(name);
	const char *text;

	for (size_t i = 0; f && (text = faults_active(f, i)); i++) {
		if (!strncmp(text, name, len) &&
		    (text[len] == ' ' || text[len] == '\0')) {
			return text;
		}
	}
	return NULL;
}

/* "bus=NAME [node=NAME]" */
static void args_text(const struct arg_spec *arg, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ACTION_ARGS_MAX && arg[i].name && used < size;
	     i++) {
		used += (size_t)snprintf(buf + used, size - used,
					 arg[i].required ? "%s%s=" : "%s[%s=]",
					 used ? " " : "", arg[i].name);
	}
}

static void draw_item(struct tui *t, int y, struct rect r, const char *name,
		      const struct arg_spec *arg, const char *active,
		      bool selected)
{
	enum role role = selected ? ROLE_SELECT :
			 active	  ? ROLE_BAD :
				    ROLE_TEXT;
	char args[200];

	if (selected) {
		tui_fill(t, (struct rect){ y, r.x, 1, r.w }, ROLE_SELECT);
	}
	tui_put(t, y, r.x, 2, active ? ROLE_BAD : role, "%s",
		active ? "●" : " ");
	tui_put(t, y, r.x + 2, 15, role, "%s", name);
	if (active) {
		tui_put(t, y, r.x + 18, r.w - 18, ROLE_BAD, "%s",
			active + strlen(name) + (active[strlen(name)] == ' '));
	} else {
		args_text(arg, args, sizeof(args));
		tui_put(t, y, r.x + 18, r.w - 18,
			selected ? ROLE_SELECT : ROLE_DIM, "%s", args);
	}
}

static void draw_faults(struct tui *t, struct rect r)
{
	struct tui_list *l = &t->actions.faults;

	r = tui_section(t, r, "Faults");
	tui_list_fit(l, n_faults, r.h);
	for (int i = 0; i < r.h && l->top + (size_t)i < n_faults; i++) {
		size_t at = l->top + (size_t)i;
		const struct fault *f = &fault_table[at];

		draw_item(t, r.y + i, r, f->name, f->arg,
			  active_text(t, f->name),
			  !t->actions.on_actions && at == l->sel);
	}
}

static void draw_actions(struct tui *t, struct rect r)
{
	struct tui_list *l = &t->actions.actions;

	r = tui_section(t, r, "Actions");
	tui_list_fit(l, n_actions, r.h);
	for (int i = 0; i < r.h && l->top + (size_t)i < n_actions; i++) {
		size_t at = l->top + (size_t)i;

		draw_item(t, r.y + i, r, action_table[at].verb,
			  action_table[at].arg, NULL,
			  t->actions.on_actions && at == l->sel);
	}
	if (n_actions > l->page) {
		tui_put_right(t, r.y - 1, r.x, r.w - 1, ROLE_DIM,
			      " %zu-%zu of %zu ", l->top + 1,
			      l->top + l->page, n_actions);
	}
}

static void draw_help_line(struct tui *t, struct rect r)
{
	const struct tui_actions *a = &t->actions;
	const char *text = a->on_actions ?
				   action_table[a->actions.sel].help :
				   fault_table[a->faults.sel].help;

	tui_put(t, r.y, r.x + 1, r.w - 2, ROLE_INFO, "%s", text);
}

/* In at most @r.h lines. Return: lines used. */
static int draw_expect(struct tui *t, struct rect r,
		       const struct expect_status *e)
{
	static const char *const signs[] = { "·", "✓", "✗" };
	static const enum role roles[] = { ROLE_DIM, ROLE_GOOD, ROLE_BAD };

	tui_put(t, r.y, r.x + 1, 2, roles[e->verdict], "%s",
		signs[e->verdict]);
	tui_put_right(t, r.y, r.x + r.w - 9, 8, ROLE_DIM,
		      e->verdict == VERDICT_NONE ? "open" : "%.1f s",
		      vtime_to_s(e->decided));
	return tui_put_wrapped(t,
			       (struct rect){ r.y, r.x + 3, r.h, r.w - 13 },
			       e->verdict == VERDICT_FAIL ? ROLE_BAD :
							    ROLE_TEXT,
			       e->text);
}

void tui_expects_draw(struct tui *t, struct rect r)
{
	const struct scenario *s = t->env.w->scenario;
	struct expect_status e;
	size_t n = s ? scenario_expects(s, 0, &e) : 0;
	int y = r.y;

	if (n == 0) {
		tui_empty(t, r, "nothing is expected of this run");
		return;
	}
	for (size_t i = 0; i < n && y < r.y + r.h; i++) {
		int left = r.y + r.h - y, rest = (int)(n - i - 1);

		scenario_expects(s, i, &e);
		y += draw_expect(t, (struct rect){ y, r.x,
						   left > rest + 1 ? 2 : 1,
						   r.w },
				 &e);
		if (e.verdict == VERDICT_FAIL && e.reason &&
		    y + rest < r.y + r.h) {
			tui_put(t, y++, r.x + 5, r.w - 6, ROLE_DIM, "%s",
				e.reason);
		}
	}
}

void tui_actions_draw(struct tui *t, struct rect r)
{
	int left = r.w / 2;
	int h = (int)n_faults + 1, top;

	top = h > (r.h - 1) / 2 ? (r.h - 1) / 2 : h;
	draw_faults(t, (struct rect){ r.y, r.x, top, left - 1 });
	tui_expects_draw(t, tui_section(t,
					(struct rect){ r.y + top, r.x,
						       r.h - 1 - top,
						       left - 1 },
					"Expected"));
	draw_actions(t, (struct rect){ r.y, r.x + left, r.h - 1, r.w - left });
	draw_help_line(t, (struct rect){ r.y + r.h - 1, r.x, 1, r.w });
}

/* ---- keys ---- */

static const char *do_text(struct tui *t, const char *text)
{
	return tui_try(t, text);
}

/* A value to start from: what exists, where the name tells. */
static size_t suggest(const struct tui *t, const struct arg_spec *a, char *buf,
		      size_t size)
{
	const char *value = "";

	if (!strcmp(a->name, "bus") && t->env.w->n_buses > 0) {
		value = t->env.w->bus_name[0];
	} else if (!strcmp(a->name, "sensor") && t->m->n_imu > 0) {
		struct imu_info info;

		imu_info(t->env.w->imu, 0, &info);
		value = info.name; /* as long as the stage lives */
	} else if (a->type == ARG_ENUM && a->names) {
		value = a->names[0];
	} else if (a->type == ARG_BOOL) {
		value = "true";
	}
	return (size_t)snprintf(buf, size, " %s=%s", a->name, value);
}

static void ask(struct tui *t, const char *title, const char *verb,
		const struct arg_spec *arg)
{
	char text[256], hint[200];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", verb);

	for (size_t i = 0; i < ACTION_ARGS_MAX && arg[i].name; i++) {
		if (arg[i].required && used < sizeof(text)) {
			used += suggest(t, &arg[i], text + used,
					sizeof(text) - used);
		}
	}
	args_text(arg, hint, sizeof(hint));
	tui_prompt(t, title, hint, text, do_text);
}

static void toggle_fault(struct tui *t)
{
	const struct fault *f = &fault_table[t->actions.faults.sel];
	char verb[64];

	if (active_text(t, f->name)) {
		tui_command(t, "clear-fault name=%s", f->name);
		return;
	}
	snprintf(verb, sizeof(verb), "fault name=%s", f->name);
	ask(t, f->help, verb, f->arg);
}

bool tui_actions_key(struct tui *t, int ch)
{
	struct tui_actions *a = &t->actions;

	a->faults.n = n_faults; /* keys may come before the first picture */
	a->actions.n = n_actions;
	switch (ch) {
	case KEY_LEFT:
		a->on_actions = false;
		return true;
	case KEY_RIGHT:
		a->on_actions = true;
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (!a->on_actions && n_faults > 0) {
			toggle_fault(t);
		} else if (n_actions > 0) {
			const struct action *act = &action_table[a->actions.sel];

			ask(t, act->help, act->verb, act->arg);
		}
		return true;
	default:
		return tui_list_key(a->on_actions ? &a->actions : &a->faults,
				    ch);
	}
}

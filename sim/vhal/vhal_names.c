/* SPDX-License-Identifier: Apache-2.0 */
/* "PROPERTY/AREA": names of areas and slots, both ways. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

static void put(char *buf, size_t size, size_t *n, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++, (*n)++) {
		if (*n + 1 < size) {
			buf[*n] = text[i];
		}
	}
}

size_t vhal_area_text(int32_t prop, int32_t area, char *buf, size_t size)
{
	struct vhal_consts names = vhal_area_consts(prop);
	uint32_t left = (uint32_t)area;
	char hex[16];
	size_t n = 0;

	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		const struct vhal_const *c =
			left & bit ? vhal_consts_label(names, bit) : NULL;

		if (c) {
			put(buf, size, &n, n > 0 ? "|" : "");
			put(buf, size, &n, c->name);
			left &= ~bit;
		}
	}
	if (left != 0 || n == 0) {
		snprintf(hex, sizeof(hex), left ? "0x%x" : "%u",
			 (unsigned int)left);
		put(buf, size, &n, n > 0 ? "|" : "");
		put(buf, size, &n, hex);
	}
	if (size > 0) {
		buf[n < size ? n : size - 1] = '\0';
	}
	return n;
}

/* Whole of @text as a number, 0x.. or decimal, of 32 bits. */
static bool parse_number(const char *text, size_t len, int32_t *out)
{
	char word[16], *end;
	long long x;

	if (len == 0 || len >= sizeof(word) ||
	    !strchr("-0123456789", text[0])) {
		return false;
	}
	memcpy(word, text, len);
	word[len] = '\0';
	errno = 0;
	x = strtoll(word, &end, strpbrk(word, "xX") ? 16 : 10);
	if (*end || end == word || errno || x < INT32_MIN || x > UINT32_MAX) {
		return false;
	}
	*out = (int32_t)(uint32_t)x;
	return true;
}

/* One name or number between '|'. */
static bool parse_area_word(const char *text, size_t len, int32_t prop,
			    int32_t *out)
{
	const struct vhal_const *c =
		vhal_consts_find(vhal_area_consts(prop), text, len);
	const char *sep = memmem(text, len, "::", 2);
	int64_t x;

	if (c) {
		*out = (int32_t)c->value;
		return true;
	}
	c = vhal_consts_find(vhal_consts_type(vhal_builtin, "Constants", 9),
			     text, len);
	if (c) {
		*out = (int32_t)c->value;
		return true;
	}
	if (sep && vhal_const_resolve((struct vhal_consts){ 0 }, text, len, &x,
				      NULL) == 0) {
		*out = (int32_t)x;
		return true;
	}
	return parse_number(text, len, out);
}

static bool parse_area(const char *text, int32_t prop, int32_t *out)
{
	int32_t area = 0;

	for (;;) {
		size_t len = strcspn(text, "|");
		int32_t word;

		if (!parse_area_word(text, len, prop, &word)) {
			return false;
		}
		area |= word;
		if (text[len] == '\0') {
			*out = area;
			return true;
		}
		text += len + 1;
	}
}

static int cmp_name(const char *name, const char *text, size_t len)
{
	int c = strncmp(name, text, len);

	return c ? c : name[len] != '\0';
}

static const struct vhal_prop *find_by_name(const struct vhal *v,
					    const char *text, size_t len)
{
	size_t lo = 0, hi = v->n_props;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = cmp_name(v->name[mid].name, text, len);

		if (c == 0) {
			return vhal_prop_find(v, v->name[mid].prop);
		}
		if (c < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return NULL;
}

static const char *name_at(const void *ctx, size_t i)
{
	const struct vhal *v = ctx;

	return v->name[i].name;
}

static int no_property(const struct vhal *v, const char *text, size_t len,
		       struct av_err *err)
{
	char word[80], hint[96];

	snprintf(word, sizeof(word), "%.*s", (int)(len < 79 ? len : 79), text);
	if (vhal_prop_by_name(word)) {
		return av_err_set(err, -ENOENT,
				  "this vehicle has no property %s: it is not "
				  "in its configuration",
				  word);
	}
	av_suggest_text(hint, av_suggest(word, v->n_props, name_at, v));
	return av_err_set(err, -ENOENT, "unknown property '%s'%s", word, hint);
}

/* What areas there are, for a message. */
static int no_area(const struct vhal_prop *p, const char *why, const char *text,
		   struct av_err *err)
{
	char list[300];
	size_t n = 0;

	list[0] = '\0';
	for (size_t i = 0; i < p->cfg.n_areas && n < sizeof(list) - 80; i++) {
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s",
				      i > 0 ? ", " : "");
		n += vhal_area_text(p->cfg.prop, p->areas[i].area, list + n,
				    sizeof(list) - n);
	}
	if (n >= sizeof(list)) {
		n = sizeof(list) - 1;
	}
	return av_err_set(err, -ENOENT, "%s %s%.60s; its areas: %s",
			  p->cfg.name, why, text, list);
}

/* The area of @p that is @area, or the only one that contains it. */
static int match_area(const struct vhal_prop *p, int32_t area, const char *text,
		      int32_t *out, struct av_err *err)
{
	size_t hits = 0;

	for (size_t i = 0; i < p->cfg.n_areas; i++) {
		int32_t a = p->areas[i].area;

		if (a == area) {
			*out = a;
			return 0;
		}
		if (area != 0 && (a & area) == area) {
			*out = a;
			hits++;
		}
	}
	if (hits == 1) {
		return 0;
	}
	return no_area(p, hits ? "has several areas with " : "has no area ",
		       text, err);
}

int vhal_find(const struct vhal *v, const char *text, int32_t *prop,
	      int32_t *area, struct av_err *err)
{
	static const char prefix[] = "VehicleProperty::";
	const struct vhal_prop *p;
	int32_t id, want, found = 0;
	size_t len;
	int ret;

	if (!strncmp(text, prefix, sizeof(prefix) - 1)) {
		text += sizeof(prefix) - 1;
	}
	len = strcspn(text, "/");
	p = find_by_name(v, text, len);
	if (!p && parse_number(text, len, &id)) {
		p = vhal_prop_find(v, id);
	}
	if (!p) {
		return no_property(v, text, len, err);
	}
	if (text[len] == '\0') {
		if (p->cfg.n_areas != 1) {
			return no_area(p, "needs an area", "", err);
		}
		found = p->areas[0].area;
	} else {
		text += len + 1;
		if (!parse_area(text, p->cfg.prop, &want)) {
			return no_area(p, "has no area ", text, err);
		}
		ret = match_area(p, want, text, &found, err);
		if (ret < 0) {
			return ret;
		}
	}
	*prop = p->cfg.prop;
	*area = found;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device tree blob is a header of ten big-endian words, a list of reserved
 * memory, a block of tokens and a block of property names (Devicetree
 * Specification, chapter 5). The new node goes in front of the token that ends
 * the root node, its names behind the others.
 */
#include "config.h"

#include "vdevices/fdt.h"

#include "sim/core/be.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FDT_MAGIC 0xd00dfeedu
#define FDT_HEADER 40u
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u
#define FDT_END 9u

struct fdt {
	const uint8_t *p;
	uint32_t rsv, rsv_len, tokens, tokens_len, names, names_len;
	uint32_t boot_cpu;
	uint32_t root_end; /* offset in the tokens of the root's END_NODE */
	bool has_firmware;
};

static bool inside(uint32_t off, uint32_t len, size_t total)
{
	return off <= total && len <= total - off;
}

static int read_header(struct fdt *f, const uint8_t *in, size_t len)
{
	uint32_t total, at;

	if (len < FDT_HEADER || len > FDT_MAX || av_be32(in) != FDT_MAGIC) {
		return -EINVAL;
	}
	total = av_be32(in + 4);
	if (total < FDT_HEADER || total > len || av_be32(in + 20) < 17 ||
	    av_be32(in + 24) > 17) {
		return -EINVAL;
	}
	f->p = in;
	f->tokens = av_be32(in + 8);
	f->names = av_be32(in + 12);
	f->rsv = av_be32(in + 16);
	f->boot_cpu = av_be32(in + 28);
	f->names_len = av_be32(in + 32);
	f->tokens_len = av_be32(in + 36);
	if (!inside(f->tokens, f->tokens_len, total) ||
	    !inside(f->names, f->names_len, total) || f->rsv > total) {
		return -EINVAL;
	}
	/* pairs of 64 bit words; two zeroes end the list */
	for (at = f->rsv; inside(at, 16, total); at += 16) {
		static const uint8_t zero[16];

		if (!memcmp(in + at, zero, 16)) {
			f->rsv_len = at + 16 - f->rsv;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_firmware(const uint8_t *name, size_t n)
{
	return n >= 8 && !memcmp(name, "firmware", 8) &&
	       (n == 8 || name[8] == '@');
}

/* Walk the tokens once to where the root node ends. */
static int find_root_end(struct fdt *f)
{
	const uint8_t *t = f->p + f->tokens;
	uint32_t at = 0, depth = 0, len;

	while (inside(at, 4, f->tokens_len)) {
		uint32_t token = av_be32(t + at);
		const uint8_t *end;

		if (token == FDT_BEGIN_NODE) {
			len = f->tokens_len - at - 4;
			end = memchr(t + at + 4, 0, len);
			if (!end || (at == 0) != (depth == 0)) {
				return -EINVAL;
			}
			len = (uint32_t)(end - t) - at - 4;
			f->has_firmware |= depth == 1 &&
					   is_firmware(t + at + 4, len);
			depth++;
			at += 4 + ((len + 4) & ~3u);
		} else if (token == FDT_PROP && inside(at, 12, f->tokens_len)) {
			len = av_be32(t + at + 4);
			if (len > f->tokens_len - at - 12) {
				return -EINVAL;
			}
			at += 12 + ((len + 3) & ~3u);
		} else if (token == FDT_END_NODE && depth == 1) {
			f->root_end = at;
			return 0;
		} else if (token == FDT_END_NODE && depth > 1) {
			depth--;
			at += 4;
		} else if (token == FDT_NOP) {
			at += 4;
		} else {
			return -EINVAL;
		}
	}
	return -EINVAL;
}

/* ---- writing ---- */

struct out {
	uint8_t *p;
	size_t n;
};

static void put32(struct out *o, uint32_t v)
{
	av_put_be32(o->p + o->n, v);
	o->n += 4;
}

static void put(struct out *o, const void *p, size_t len)
{
	if (len) {
		memcpy(o->p + o->n, p, len);
	}
	o->n += len;
}

static void put_text(struct out *o, const char *s)
{
	put(o, s, strlen(s) + 1);
	while (o->n % 4) {
		o->p[o->n++] = 0;
	}
}

static void put_node(struct out *o, const char *name)
{
	put32(o, FDT_BEGIN_NODE);
	put_text(o, name);
}

static void put_cell(struct out *o, uint32_t name, uint32_t v)
{
	put32(o, FDT_PROP);
	put32(o, 4);
	put32(o, name);
	put32(o, v);
}

static const char new_names[] = "compatible\0#address-cells\0#size-cells\0reg";
enum { N_COMPATIBLE = 0, N_ADDRESS = 11, N_SIZE = 26, N_REG = 38 };

/* @base: where new_names begins in the block of names */
static void put_firmware(struct out *o, uint32_t base)
{
	static const char compatible[] = "arm,scmi-virtio";

	put_node(o, "firmware");
	put_node(o, "scmi");
	put32(o, FDT_PROP);
	put32(o, sizeof(compatible));
	put32(o, base + N_COMPATIBLE);
	put_text(o, compatible);
	put_cell(o, base + N_ADDRESS, 1);
	put_cell(o, base + N_SIZE, 0);
	put_node(o, "protocol@15");
	put_cell(o, base + N_REG, 0x15);
	put32(o, FDT_END_NODE);
	put32(o, FDT_END_NODE);
	put32(o, FDT_END_NODE);
}

static void put_header(uint8_t *p, const uint32_t v[10])
{
	struct out o = { .p = p };

	for (int i = 0; i < 10; i++) {
		put32(&o, v[i]);
	}
}

int fdt_add_scmi(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len,
		 struct av_err *err)
{
	struct fdt f = { 0 };
	struct out o = { 0 };
	uint32_t tokens, names;

	if (read_header(&f, in, len) < 0 || find_root_end(&f) < 0) {
		return av_err_set(err, -EINVAL, "not a device tree");
	}
	if (f.has_firmware) {
		return av_err_set(err, -EEXIST,
				  "the machine's device tree has a firmware "
				  "node already");
	}
	/* its blocks may overlap; ours do not */
	o.p = calloc(1, FDT_HEADER + (size_t)f.rsv_len + f.root_end +
				f.names_len + 512);
	if (!o.p) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	o.n = FDT_HEADER;
	put(&o, in + f.rsv, f.rsv_len);
	tokens = (uint32_t)o.n;
	put(&o, in + f.tokens, f.root_end);
	put_firmware(&o, f.names_len);
	put32(&o, FDT_END_NODE);
	put32(&o, FDT_END);
	names = (uint32_t)o.n;
	put(&o, in + f.names, f.names_len);
	put(&o, new_names, sizeof(new_names));
	put_header(o.p, (const uint32_t[10]){
				FDT_MAGIC, (uint32_t)o.n, tokens, names,
				FDT_HEADER, 17, 16, f.boot_cpu,
				(uint32_t)(o.n - names), names - tokens });
	*out = o.p;
	*out_len = o.n;
	return 0;
}

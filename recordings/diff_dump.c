/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical dumps as a source: "time<TAB>channel<TAB>key<TAB>values", one record
 * a line, plain or zstd, from a file or from memory.
 *
 * A batch takes a block of whole lines as they are; records point into it. What
 * follows the last newline of a block is carried over to the next one.
 */
#include "config.h"

#include "recordings/diff_source.h"

#include "sim/core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#define BLOCK (128u << 10)
#define LINE_MAX_LEN (16u << 20)
#define Z_WINDOW_LOG_MAX 27 /* 128 MiB: a hostile frame cannot ask for more */

struct dump {
	struct diff_source s;
	int fd;		 /* -1: memory */
	const char *mem; /* borrowed */
	size_t mem_len, mem_off;
	ZSTD_DCtx *z; /* NULL: plain */
	char *zin;
	ZSTD_inBuffer zbuf;
	bool z_open; /* inside a frame */
	bool eof;
	uint64_t off;  /* of the next byte to give out, in the plain text */
	uint64_t line; /* of the next line, from 1; 0 unknown after a jump */
	vtime last;
	char *carry;
	size_t carry_len, carry_cap;
	struct diff_names names;
	bool *skip; /* by key number: --only leaves it out */
	size_t skip_cap;
	/* the span of the last channel: most lines repeat it */
	enum rec_channel ch;
};

static int trouble(const struct dump *d, struct av_err *err, unsigned int col,
		   const char *what)
{
	if (d->line == 0) {
		return av_err_set(err, -EINVAL, "%s: %s", d->s.name, what);
	}
	return av_err_set(err, -EINVAL, "%s:%llu:%u: %s", d->s.name,
			  (unsigned long long)d->line, col, what);
}

/* ---- bytes ---- */

static ssize_t read_raw(struct dump *d, char *buf, size_t size,
			struct av_err *err)
{
	ssize_t n;

	if (d->fd < 0) {
		size_t left = d->mem_len - d->mem_off;

		left = left < size ? left : size;
		memcpy(buf, d->mem + d->mem_off, left);
		d->mem_off += left;
		return (ssize_t)left;
	}
	do {
		n = read(d->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return av_err_set(err, -errno, "cannot read %s: %s", d->s.name,
				  strerror(errno));
	}
	return n;
}

static ssize_t read_z(struct dump *d, char *buf, size_t size,
		      struct av_err *err)
{
	ZSTD_outBuffer out = { .dst = buf, .size = size };

	while (out.pos < size) {
		size_t before = out.pos, ret;

		if (d->zbuf.pos == d->zbuf.size) {
			ssize_t n = read_raw(d, d->zin, BLOCK, err);

			if (n < 0) {
				return n;
			}
			d->zbuf = (ZSTD_inBuffer){ .src = d->zin,
						   .size = (size_t)n };
			if (n == 0 && !d->z_open) {
				break;
			}
		}
		ret = ZSTD_decompressStream(d->z, &out, &d->zbuf);
		if (ZSTD_isError(ret)) {
			return av_err_set(err, -EINVAL, "cannot unpack %s: %s",
					  d->s.name, ZSTD_getErrorName(ret));
		}
		if (ret > 0 && d->zbuf.size == 0 && out.pos == before) {
			return av_err_set(err, -EINVAL,
					  "%s ends in the middle", d->s.name);
		}
		d->z_open = ret > 0;
	}
	return (ssize_t)out.pos;
}

static ssize_t read_some(struct dump *d, char *buf, size_t size,
			 struct av_err *err)
{
	return d->z ? read_z(d, buf, size, err) : read_raw(d, buf, size, err);
}

static int keep(char **v, size_t *cap, size_t want)
{
	char *p;

	if (want <= *cap) {
		return 0;
	}
	p = realloc(*v, want);
	if (!p) {
		return -ENOMEM;
	}
	*v = p;
	*cap = want;
	return 0;
}

/* A block of whole lines into @b->text; at the end of the file also what has no
 * newline. */
static int read_block(struct dump *d, struct diff_batch *b, struct av_err *err)
{
	size_t size = BLOCK, len = d->carry_len, cut;
	const char *nl;

	for (;;) {
		ssize_t n;

		if (keep(&b->text, &b->text_cap, len + size) < 0) {
			return av_err_set(err, -ENOMEM, "out of memory");
		}
		if (len == d->carry_len) {
			memcpy(b->text, d->carry ? d->carry : "", len);
		}
		n = read_some(d, b->text + len, size, err);
		if (n < 0) {
			return (int)n;
		}
		d->eof = n == 0;
		nl = memrchr(b->text + len, '\n', (size_t)n);
		len += (size_t)n;
		if (d->eof || nl) {
			break;
		}
		if (len > LINE_MAX_LEN) {
			return trouble(d, err, 1,
				       "line is longer than 16 MiB; this is no "
				       "canonical dump");
		}
		size = len > BLOCK ? len : BLOCK;
	}
	cut = nl ? (size_t)(nl + 1 - b->text) : 0;
	if (d->eof) {
		cut = len;
	}
	d->carry_len = len - cut;
	if (keep(&d->carry, &d->carry_cap, d->carry_len) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	memcpy(d->carry ? d->carry : b->text, b->text + cut, d->carry_len);
	b->text_len = cut;
	return 0;
}

/* ---- lines ---- */

/* 126 years: the distance of any two times fits into a vtime. */
#define TIME_MAX_S 4000000000u

/* "[-]digits.1 to 9 digits"; *end past it. 0 or -EINVAL. */
static int parse_time(const char *p, const char *limit, vtime *out,
		      const char **end)
{
	bool neg = p < limit && *p == '-';
	uint64_t s = 0, ns = 0;
	const char *start;
	int digits = 0;

	p += neg;
	for (start = p; p < limit && *p >= '0' && *p <= '9'; p++) {
		s = s * 10 + (uint64_t)(*p - '0');
		if (s > TIME_MAX_S) {
			return -EINVAL;
		}
	}
	if (p == start) {
		return -EINVAL;
	}
	if (p < limit && *p == '.') {
		for (p++; p < limit && *p >= '0' && *p <= '9' && digits < 9;
		     p++, digits++) {
			ns = ns * 10 + (uint64_t)(*p - '0');
		}
	}
	for (; digits < 9; digits++) {
		ns *= 10;
	}
	*out = (vtime)(s * (uint64_t)VT_S + ns);
	*out = neg ? -*out : *out;
	*end = p;
	return 0;
}

static int find_channel(struct dump *d, const char *p, size_t len)
{
	const char *name = rec_channel_names[d->ch];

	if (len == strlen(name) && !memcmp(p, name, len)) {
		return 0;
	}
	for (int i = 0; i < REC_N_CHANNELS; i++) {
		name = rec_channel_names[i];
		if (len == strlen(name) && !memcmp(p, name, len)) {
			d->ch = (enum rec_channel)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int new_key(struct dump *d, struct diff_batch *b, uint32_t id,
		   const char *key, size_t len)
{
	if (id >= d->skip_cap) {
		size_t cap = d->skip_cap ? d->skip_cap * 2 : 256;
		bool *v = realloc(d->skip, cap * sizeof(*v));

		if (!v) {
			return -ENOMEM;
		}
		d->skip = v;
		d->skip_cap = cap;
	}
	if (diff_batch_name(b, d->ch, key, len) < 0) {
		return -ENOMEM;
	}
	d->skip[id] = d->s.only &&
		      !av_glob_only(d->s.only, rec_channel_names[d->ch],
				    b->names + b->name[b->n_names - 1].text);
	return 0;
}

static int parse_line(struct dump *d, struct diff_batch *b, const char *p,
		      const char *end, struct av_err *err)
{
	struct diff_rec r = { .kind = DIFF_TEXT };
	const char *line = p, *chan, *key, *tab;
	bool is_new;
	int64_t id;

	r.pos = d->off + (uint64_t)(line - b->text);
	if (parse_time(p, end, &r.t, &p) < 0 || p == end || *p != '\t') {
		return trouble(d, err, 1,
			       "want \"seconds<TAB>channel<TAB>key<TAB>values\""
			       "; is this a canonical dump?");
	}
	if (r.t < d->last) {
		return trouble(d, err, 1,
			       "time goes back; a dump is ordered by time");
	}
	d->last = r.t;
	chan = ++p;
	tab = memchr(p, '\t', (size_t)(end - p));
	if (!tab || find_channel(d, chan, (size_t)(tab - chan)) < 0) {
		return trouble(d, err, (unsigned int)(chan - line) + 1,
			       "not a channel of a recording");
	}
	key = tab + 1;
	tab = memchr(key, '\t', (size_t)(end - key));
	tab = tab ? tab : end;
	if (memchr(key, '\0', (size_t)(tab - key))) {
		return trouble(d, err, (unsigned int)(key - line) + 1,
			       "NUL byte in a key");
	}
	id = diff_names_get(&d->names, chan, (size_t)(tab - chan), &is_new);
	if (id < 0 || (is_new && new_key(d, b, (uint32_t)id, key,
					 (size_t)(tab - key)) < 0)) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (r.t < d->s.from || r.t > d->s.to || d->skip[id]) {
		return 0;
	}
	r.key = (uint32_t)id;
	r.val = tab < end ? tab + 1 : tab;
	r.len = (uint32_t)(end - r.val);
	return diff_batch_rec(b, &r) < 0 ?
		       av_err_set(err, -ENOMEM, "out of memory") :
		       0;
}

static int dump_fill(struct diff_source *s, struct diff_batch *b,
		     struct av_err *err)
{
	struct dump *d = (struct dump *)s;
	int ret = read_block(d, b, err);
	const char *p = b->text, *end;

	if (ret < 0) {
		return ret;
	}
	end = b->text + b->text_len;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;

		if (stop > p && stop[-1] == '\r') {
			stop--;
		}
		if (stop > p) {
			ret = parse_line(d, b, p, stop, err);
			if (ret < 0) {
				return ret;
			}
		}
		d->line += d->line > 0;
		p = nl ? nl + 1 : end;
	}
	d->off += b->text_len;
	return !d->eof;
}

/* ---- opening ---- */

static int seek_plain(struct dump *d, uint64_t off)
{
	if (d->fd < 0) {
		d->mem_off = off < d->mem_len ? (size_t)off : d->mem_len;
		return 0;
	}
	return lseek(d->fd, (off_t)off, SEEK_SET) < 0 ? -errno : 0;
}

/* To the start of the line that follows @off. */
static int skip_part_of_line(struct dump *d, uint64_t off, struct av_err *err)
{
	char buf[4096];

	for (;;) {
		ssize_t n = read_some(d, buf, sizeof(buf), err);
		const char *nl;

		if (n <= 0) {
			d->off = off;
			return (int)n;
		}
		nl = memchr(buf, '\n', (size_t)n);
		if (nl) {
			d->off = off + (uint64_t)(nl + 1 - buf);
			return seek_plain(d, d->off);
		}
		off += (uint64_t)n;
	}
}

static int dump_restart(struct diff_source *s, const struct diff_near *near,
			struct av_err *err)
{
	static const uint64_t back[] = { 64u << 10, 4u << 20 };
	struct dump *d = (struct dump *)s;
	uint64_t to = 0;
	int ret;

	diff_names_finish(&d->names);
	d->carry_len = 0;
	d->eof = false;
	d->line = 1;
	d->off = 0;
	d->last = INT64_MIN;
	if (near && !d->z && near->back < 2 && near->pos > back[near->back]) {
		to = near->pos - back[near->back];
	}
	if (d->z) {
		ZSTD_DCtx_reset(d->z, ZSTD_reset_session_only);
		d->zbuf = (ZSTD_inBuffer){ .src = d->zin };
		d->z_open = false;
	}
	ret = seek_plain(d, to);
	if (ret < 0) {
		return av_err_set(err, ret, "cannot read %s twice: %s", s->name,
				  strerror(-ret));
	}
	if (to == 0) {
		return 1;
	}
	d->line = 0;
	return skip_part_of_line(d, to, err);
}

static void dump_close(struct diff_source *s)
{
	struct dump *d = (struct dump *)s;

	if (d->fd >= 0) {
		close(d->fd);
	}
	ZSTD_freeDCtx(d->z);
	free(d->zin);
	free(d->carry);
	free(d->skip);
	diff_names_finish(&d->names);
	free(d->s.name);
	free(d);
}

static const struct diff_source_ops dump_ops = {
	.restart = dump_restart,
	.fill = dump_fill,
	.close = dump_close,
};

static struct dump *dump_new(const char *name)
{
	struct dump *d = calloc(1, sizeof(*d));

	if (d) {
		d->s = (struct diff_source){ .ops = &dump_ops,
					     .name = strdup(name),
					     .text = true,
					     .to = VT_NEVER };
		d->fd = -1;
		d->line = 1;
		d->last = INT64_MIN;
	}
	if (d && !d->s.name) {
		free(d);
		d = NULL;
	}
	return d;
}

static int start_z(struct dump *d, const char *head, size_t n)
{
	static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (n < sizeof(magic) || memcmp(head, magic, sizeof(magic)) != 0) {
		return 0;
	}
	d->z = ZSTD_createDCtx();
	d->zin = malloc(BLOCK);
	if (!d->z || !d->zin) {
		return -ENOMEM;
	}
	d->zbuf = (ZSTD_inBuffer){ .src = d->zin };
	ZSTD_DCtx_setParameter(d->z, ZSTD_d_windowLogMax, Z_WINDOW_LOG_MAX);
	return 0;
}

/* A pipe can be read only once, and reports may look twice. */
static int spool(struct dump *d, struct av_err *err)
{
	FILE *tmp = tmpfile();
	char buf[65536];
	int fd;

	if (!tmp) {
		return av_err_set(err, -errno, "cannot make a file for %s: %s",
				  d->s.name, strerror(errno));
	}
	for (;;) {
		ssize_t n = read_raw(d, buf, sizeof(buf), err);

		if (n < 0 || (n > 0 && fwrite(buf, 1, (size_t)n, tmp) !=
					       (size_t)n)) {
			fclose(tmp);
			return n < 0 ? (int)n :
				       av_err_set(err, -EIO,
						  "no room to keep %s",
						  d->s.name);
		}
		if (n == 0) {
			break;
		}
	}
	fd = fflush(tmp) == 0 ? fcntl(fileno(tmp), F_DUPFD_CLOEXEC, 0) : -1;
	fclose(tmp);
	if (fd < 0) {
		return av_err_set(err, -EIO, "no room to keep %s", d->s.name);
	}
	close(d->fd);
	d->fd = fd;
	return seek_plain(d, 0);
}

int diff_source_dump(const char *path, struct diff_source **out,
		     struct av_err *err)
{
	struct dump *d = dump_new(path);
	struct stat st;
	char head[4];
	ssize_t n;
	int ret = 0;

	if (!d) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	d->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st) < 0) {
		ret = av_err_set(err, -errno, "cannot open %s: %s", path,
				 strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		ret = av_err_set(err, -EISDIR, "cannot read %s: %s", path,
				 strerror(EISDIR));
	} else if (!S_ISREG(st.st_mode)) {
		ret = spool(d, err);
	}
	if (ret == 0) {
		n = pread(d->fd, head, sizeof(head), 0);
		ret = start_z(d, head, n > 0 ? (size_t)n : 0);
	}
	if (ret < 0) {
		dump_close(&d->s);
		return ret;
	}
	*out = &d->s;
	return 0;
}

int diff_source_mem(const char *name, const char *buf, size_t len,
		    struct diff_source **out, struct av_err *err)
{
	struct dump *d = dump_new(name);

	if (!d) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	d->mem = buf;
	d->mem_len = len;
	if (start_z(d, buf, len) < 0) {
		dump_close(&d->s);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	*out = &d->s;
	return 0;
}

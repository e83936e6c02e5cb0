/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/h4.h"

#include <string.h>

void h4_init(struct h4 *h, enum h4_from from)
{
	h->from = from;
	h->lost = false;
	h->n_lost = 0;
	h->skipped = 0;
	h->len = 0;
}

static size_t header_len(enum h4_from from, uint8_t type)
{
	switch (type) {
	case H4_COMMAND:
		return from == H4_FROM_HOST ? 4 : 0;
	case H4_EVENT:
		return from == H4_FROM_CONTROLLER ? 3 : 0;
	case H4_SCO:
		return 4;
	case H4_ACL:
	case H4_ISO:
		return 5;
	default:
		return 0;
	}
}

size_t h4_length(enum h4_from from, const uint8_t *p, size_t n)
{
	size_t head, body;

	if (n == 0) {
		return 0;
	}
	head = header_len(from, p[0]);
	if (head == 0) {
		return (size_t)-1;
	}
	if (n < head) {
		return 0;
	}
	switch (p[0]) {
	case H4_ACL:
		body = (size_t)(p[3] | p[4] << 8);
		break;
	case H4_ISO:
		body = (size_t)(p[3] | (p[4] & 0x3f) << 8);
		break;
	default:
		body = p[head - 1];
	}
	return head + body <= H4_MAX ? head + body : (size_t)-1;
}

/* What the other side sends to be understood again. */
static bool is_anchor(const struct h4 *h, size_t n)
{
	static const uint8_t reset[] = { H4_COMMAND, 0x03, 0x0c, 0x00 };
	static const uint8_t complete[] = { H4_EVENT, 0x0e, 0x04, 0,
					    0x03,     0x0c, 0x00 };

	if (h->from == H4_FROM_HOST) {
		return n <= sizeof(reset) && !memcmp(h->buf, reset, n);
	}
	for (size_t i = 0; i < n; i++) {
		/* the fourth byte is the number of commands it may send */
		if (i >= sizeof(complete) ||
		    (i != 3 && h->buf[i] != complete[i])) {
			return false;
		}
	}
	return true;
}

/* Skip until h->buf holds the anchor. */
static bool seek(struct h4 *h, uint8_t byte)
{
	size_t want = h->from == H4_FROM_HOST ? 4 : 7;

	h->buf[h->len++] = byte;
	while (h->len > 0 && !is_anchor(h, h->len)) {
		memmove(h->buf, h->buf + 1, --h->len);
		h->skipped++;
	}
	return h->len == want;
}

enum h4_result h4_feed(struct h4 *h, const uint8_t **buf, size_t *len)
{
	size_t want = h4_length(h->from, h->buf, h->len);

	if (!h->lost && want == h->len) {
		h->len = 0; /* that packet was handed out */
	}
	while (*len > 0) {
		size_t n = 1;

		if (h->lost) {
			bool found = seek(h, **buf);

			(*buf)++;
			(*len)--;
			if (found) {
				h->lost = false;
				return H4_PACKET;
			}
			continue;
		}
		want = h4_length(h->from, h->buf, h->len);
		if (want > h->len) {
			n = want - h->len < *len ? want - h->len : *len;
		}
		memcpy(h->buf + h->len, *buf, n);
		h->len += n;
		*buf += n;
		*len -= n;
		want = h4_length(h->from, h->buf, h->len);
		if (want == (size_t)-1) {
			h->lost = true;
			h->n_lost++;
			h->skipped += h->len;
			h->len = 0;
			return H4_LOST;
		}
		if (want == h->len) {
			return H4_PACKET;
		}
	}
	return H4_MORE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats_int.h"
#include "recordings/pcap.h"

#include <errno.h>
#include <string.h>

/* Buses get their numbers in the order in which they appear. */
struct writer {
	enum pcap_flavour flavour;
	FILE *out;
	int number[256]; /* by bus; -1: none yet */
	int n;
};

static int add_bus(struct writer *w, const struct rec_record *rec,
		   struct av_err *err)
{
	uint8_t block[PCAP_BLOCK_MAX];
	char name[64];
	int len = (int)strcspn(rec->key, ":");

	if (w->flavour == PCAP_CLASSIC && w->n > 0) {
		return av_err_set(err, -EINVAL,
				  "pcap holds one bus, and %.*s comes second; "
				  "choose one with --only 'can:%.*s:*', or "
				  "--format pcapng",
				  len, rec->key, len, rec->key);
	}
	snprintf(name, sizeof(name), "%.*s", len, rec->key);
	fwrite(block, 1, pcap_interface(w->flavour, block, PCAP_CAN, name),
	       w->out);
	w->number[rec->frame->bus] = w->n++;
	return 0;
}

static void put_frame(struct writer *w, const struct rec_record *rec,
		      int64_t epoch_ns)
{
	uint8_t data[PCAP_CAN_MAX], block[PCAP_CAN_MAX + PCAP_PACKET_EXTRA];
	struct pcap_packet k = {
		.ns = epoch_ns + rec->t,
		.iface = (unsigned int)w->number[rec->frame->bus],
		.link = PCAP_CAN,
		.to_guest = !rec->frame->tx,
		.data = data,
		.len = pcap_can(rec->frame, data),
	};

	fwrite(block, 1, pcap_packet(w->flavour, block, &k), w->out);
}

static int run(enum pcap_flavour v, struct rec_reader *r,
	       const struct rec_filter *f, FILE *out, struct av_err *err)
{
	struct writer w = { .flavour = v, .out = out };
	const struct rec_meta *meta = rec_meta(r);
	struct rec_filter can = *f;
	uint8_t block[PCAP_BLOCK_MAX];
	struct rec_record rec;
	int ret;

	memset(w.number, -1, sizeof(w.number));
	can.channels = 1u << REC_CAN;
	can.text = false;
	fwrite(block, 1,
	       pcap_section(v, block, meta->generator, meta->title), out);
	ret = rec_seek(r, &can, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		ret = w.number[rec.frame->bus] < 0 ? add_bus(&w, &rec, err) : 0;
		if (ret == 0) {
			put_frame(&w, &rec, meta->epoch_ns);
		}
	}
	if (ret == 0 && v == PCAP_CLASSIC && w.n == 0) {
		fwrite(block, 1, pcap_interface(v, block, PCAP_CAN, ""), out);
	}
	return ret;
}

int export_pcapng_run(struct rec_reader *r, const struct rec_filter *f,
		      FILE *out, struct av_err *err)
{
	return run(PCAP_NG, r, f, out, err);
}

int export_pcap_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		    struct av_err *err)
{
	return run(PCAP_CLASSIC, r, f, out, err);
}

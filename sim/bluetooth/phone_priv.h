/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated phone. */
#ifndef AVSIM_BLUETOOTH_PHONE_PRIV_H
#define AVSIM_BLUETOOTH_PHONE_PRIV_H

#include "sim/bluetooth/phone.h"

enum {
	L2_MTU = 672,	 /* we take, the default */
	L2_SIG_MTU = 256, /* of the signalling channel */
	L2_CHANNELS = 8,
	L2_FIRST = 0x40,
	PSM_SDP = 1,
	PSM_RFCOMM = 3,
	HFP_CHANNEL = 3, /* RFCOMM server channel of the audio gateway */
	RF_TX = 2048,
	AT_MAX = 512,
};

struct l2_channel {
	bool used, open;
	uint16_t psm, remote, mtu; /* of the other side */
	bool asked, in_done, out_done; /* configuration */
};

struct l2 {
	uint8_t frame[4 + L2_MTU]; /* being put together */
	size_t have, want;	   /* want 0: waiting for a start */
	bool skip;		   /* too long: until the next start */
	uint8_t ident;
	struct l2_channel ch[L2_CHANNELS];
};

struct rfcomm {
	int channel;	  /* index of L2CAP's, -1 = none */
	bool up;	  /* multiplexer */
	bool dlc, msc;	  /* the hands-free one; its modem signals came */
	bool credit_based;
	unsigned int max; /* bytes of a frame */
	unsigned int tx_credits, rx_credits;
	uint8_t tx[RF_TX];
	size_t tx_len;
};

struct hfp {
	char line[AT_MAX + 1];
	size_t len;
	bool too_long;
	uint32_t hf_features;
	bool indicators_on, service, clip, waiting, numeric_errors, negotiates;
	bool codec_asked;
	uint32_t muted; /* indicators that AT+BIA switched off, bit per index */
	enum phone_call_state call;
	char number[PHONE_NUMBER_MAX + 1];
	bool outgoing;
	struct vtimer timer; /* ring, or the call's progress */
	struct vtimer voice;
	unsigned int phase;
	bool audio, audio_asked;
	uint64_t at_commands, at_errors, sent, heard;
	int peak;
};

struct phone {
	struct bt_peer peer; /* first */
	struct phone_env env;
	uint8_t drawn[6];
	bool linked, encrypted;
	bool goes; /* switched off as soon as the link is down */
	unsigned int silent;
	struct l2 l2;
	struct rfcomm rf;
	struct hfp hfp;
	uint64_t frames[2], dropped;
};

void phone_note(struct phone *p, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* phone_l2cap.c */
void l2_reset(struct phone *p);
void l2_input(struct phone *p, bool start, const uint8_t *data, size_t len);
void l2_send(struct phone *p, int channel, const uint8_t *data, size_t len);
void l2_disconnect(struct phone *p, int channel);

/* phone_sdp.c: @out at least L2_MTU; returns the length of the answer */
size_t sdp_answer(const uint8_t *data, size_t len, uint8_t *out, size_t room);

/* phone_rfcomm.c */
void rf_reset(struct phone *p);
bool rf_open(struct phone *p, int channel); /* false: there is one */
void rf_closed(struct phone *p);
void rf_input(struct phone *p, const uint8_t *data, size_t len);
void rf_write(struct phone *p, const char *text, size_t len);

/* phone_hfp.c */
void hfp_init(struct phone *p);
void hfp_opened(struct phone *p);
void hfp_closed(struct phone *p);
void hfp_input(struct phone *p, const uint8_t *data, size_t len);
void hfp_call(struct phone *p, const char *number);
void hfp_answer(struct phone *p);
void hfp_end(struct phone *p, const char *by);
bool hfp_takes_audio(struct phone *p);
void hfp_audio(struct phone *p, bool up);
void hfp_voice(struct phone *p, const uint8_t *data, size_t len);
void hfp_stop(struct phone *p); /* timers */

#endif

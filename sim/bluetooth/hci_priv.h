/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the simulated controller.
 *
 * A command's handler returns a status and never sends anything itself: the
 * answer (Command Complete or Status) goes out first, and what follows comes
 * from a timer, at the earliest in the same instant.
 */
#ifndef AVSIM_BLUETOOTH_HCI_PRIV_H
#define AVSIM_BLUETOOTH_HCI_PRIV_H

#include "sim/bluetooth/hci.h"
#include "sim/core/rand.h"

#define HCI_LMP (10 * VT_MS) /* a link manager procedure */
#define HCI_SLOT (625 * VT_US)
#define HCI_PAGE (640 * VT_MS) /* half of the scan interval R1 */

enum {
	HCI_LINKS_MAX = 4, /* all but one are pages into the void */
	HCI_OPS_MAX = 32,
	HCI_TO_HOST_BUFFERS = 64,
	HCI_SCO_BUFFERS = 8,
	HCI_ACCEPT_LIST_MAX = 8,
};

/* What the host writes and reads back. Reset gives the defaults. */
struct hci_regs {
	uint8_t event_mask[8], event_mask2[8], le_event_mask[8];
	uint8_t pin_type[1];
	uint8_t name[248];
	uint8_t accept_timeout[2], page_timeout[2];
	uint8_t scan_enable[1];
	uint8_t page_scan[4], inquiry_scan[4];
	uint8_t auth_enable[1];
	uint8_t class_of_device[3];
	uint8_t voice[2];
	uint8_t broadcasts[1], hold_activity[1], sync_flow[1];
	uint8_t inquiry_scan_type[1], inquiry_mode[1], page_scan_type[1];
	uint8_t afh_mode[1];
	uint8_t eir[241];
	uint8_t ssp_mode[1], inquiry_power[1], bad_data[1];
	uint8_t le_host[2];
	uint8_t policy[2];
	uint8_t to_host_flow[1];
	uint8_t host_buffers[7];
	uint8_t iac[1 + 3 * 2];
	uint8_t le_addr[6], le_adv_params[15], le_adv[32], le_scan_rsp[32];
	uint8_t le_adv_enable[1], le_scan_params[7], le_scan_enable[2];
};

enum link_state {
	LINK_FREE,
	LINK_PAGING, /* the host pages */
	LINK_ASKED,  /* the peer pages, the host has not answered */
	LINK_COMING, /* it has: accepted or rejected with @reason */
	LINK_UP,
	LINK_CLOSING,
};

enum auth_step {
	AUTH_NONE,
	AUTH_BEGIN,
	AUTH_KEY, /* host asked for the link key */
	AUTH_CHECK,
	AUTH_PIN,
	AUTH_PIN_CHECK,
	AUTH_IO, /* host asked for its capability */
	AUTH_EXCHANGE,
	AUTH_CONFIRM, /* host asked for the user's answer */
	AUTH_PASSKEY,
	AUTH_TAP, /* the peer's user thinks */
	AUTH_DONE,
};

struct link {
	struct hci *h;
	enum link_state state;
	uint8_t addr[6];
	uint16_t handle;
	bool by_host;
	uint8_t role, reason;
	bool closed_by_peer;
	bool encrypted, authenticated;
	uint8_t policy[2];
	uint16_t supervision; /* slots */
	uint8_t mode;	      /* 0 active, 2 sniff */
	uint16_t flush;
	struct vtimer timer;
	struct {
		enum auth_step step;
		bool by_host; /* who wanted it */
		bool pairing, host_key, host_yes, encrypt;
		uint8_t key[16], pin[16], pin_len;
		uint8_t io, need; /* of the host: capability, requirements */
		uint32_t number;
		uint8_t key_type;
		struct vtimer timer;
	} auth;
};

/* An audio link. */
struct sync {
	enum { SYNC_NONE, SYNC_ASKED, SYNC_OPENING, SYNC_UP, SYNC_CLOSING } state;
	uint16_t handle;
	uint8_t type; /* TYPE_SCO or TYPE_ESCO */
	bool by_host;
	uint8_t air_mode, status;
	struct vtimer timer;
};

/* Something to happen a procedure later, if the link is still the same. */
struct hci_op {
	void (*fn)(struct hci *h, const struct hci_op *op);
	struct hci *h;
	uint16_t handle;
	uint8_t arg[8];
	struct vtimer timer;
};

/* ACL packets on their way over the air. */
struct air {
	uint8_t (*data)[HCI_ACL_LEN];
	uint16_t *len;
	bool *start;
	unsigned int room, head, used;
	struct vtimer timer;
};

struct hci {
	struct bt_controller c; /* first */
	struct hci_env env;
	struct av_rand rand;
	struct bt_peer *peer;
	uint8_t addr[6];
	struct hci_regs reg;
	bool was_reset;
	bool event_filter_all; /* connections are accepted without asking */
	struct link link[HCI_LINKS_MAX];
	struct link *acl; /* the one to the peer, if it is up */
	struct sync sync;
	uint16_t next_handle;
	struct hci_op op[HCI_OPS_MAX];
	struct air out, in; /* to the peer, to the host */
	unsigned int host_credits;
	struct {
		bool on;
		uint8_t left; /* responses, 0 = no limit */
		bool limited;
		vtime until;
		struct vtimer timer;
	} inquiry;
	struct {
		bool on;
		uint8_t addr[6];
		struct vtimer timer;
	} naming;
	struct vtimer le_timer;
	bool le_reported, le_connecting;
	struct {
		bool used;
		uint8_t type, addr[6];
	} accept[HCI_ACCEPT_LIST_MAX];
	uint64_t commands, unknown, refused, events, overflows;
	uint64_t acl_n[2], sco_n[2];
	uint16_t last_unknown;
};

/* Return parameters behind the status. */
struct hci_ret {
	uint8_t buf[252];
	size_t len;
};

enum hci_answer { ANSWER_COMPLETE, ANSWER_STATUS, ANSWER_NONE };

/* 0xff: at least one byte, the handler looks itself */
#define HCI_LEN_ANY 0xff

struct hci_command {
	uint16_t op;
	uint8_t octet, bit; /* in the list of supported commands */
	uint8_t len;	    /* of its parameters */
	enum hci_answer answer;
	const char *name;
	uint8_t (*fn)(struct hci *h, const uint8_t *p, size_t len,
		      struct hci_ret *r);
	/* A register that is written (from the parameters) before @fn, or read
	 * into the answer; length 0: none. */
	uint16_t reg, reg_len;
	bool reads;
};

extern const struct hci_command hci_commands[];
extern const size_t hci_n_commands;
const struct hci_command *hci_command_find(uint16_t op);

/* hci.c */
void hci_event(struct hci *h, uint8_t code, const uint8_t *p, size_t len);
void hci_le_event(struct hci *h, uint8_t sub, const uint8_t *p, size_t len);
bool hci_later(struct hci *h, vtime delay, uint16_t handle,
	       void (*fn)(struct hci *, const struct hci_op *),
	       const void *arg, size_t len);
void hci_arm(struct hci *h, struct vtimer *t, vtime delay);
void hci_note(struct hci *h, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void hci_reset(struct hci *h);
void ret_put(struct hci_ret *r, const void *p, size_t len);
void ret_u8(struct hci_ret *r, unsigned int v);
void ret_u16(struct hci_ret *r, unsigned int v);

/* hci_link.c */
struct link *hci_link(struct hci *h, uint16_t handle); /* up, or NULL */
struct link *hci_link_to(struct hci *h, const uint8_t *addr, /* up, or NULL */
			 enum link_state state);
void hci_link_init(struct hci *h);
void hci_link_reset(struct hci *h, uint8_t reason);
void hci_close(struct link *l, uint8_t reason, bool by_peer);
void hci_role_changed(struct hci *h, uint8_t status, const struct link *l);

/* hci_acl.c */
void hci_acl_init(struct hci *h);
void hci_acl_clear(struct hci *h);
void hci_acl_flushed(struct hci *h, const struct hci_op *op);
void hci_acl_from_host(struct hci *h, const uint8_t *p, size_t len);

/* hci_sync.c */
void hci_sync_init(struct hci *h);
void hci_sync_gone(struct hci *h, uint8_t reason); /* at once */
void hci_sco_from_host(struct hci *h, const uint8_t *p, size_t len);
uint8_t hci_sync_disconnect(struct hci *h, uint8_t reason);
uint8_t hci_sync_accept(struct hci *h);
uint8_t hci_sync_reject(struct hci *h, uint8_t reason);

/* hci_auth.c */
void hci_auth_init(struct link *l);
void hci_auth_stop(struct link *l);
void hci_auth_begin(struct link *l, bool by_host);
const char *hci_auth_step(const struct link *l);

/* hci_scan.c */
void hci_scan_init(struct hci *h);
void hci_scan_reset(struct hci *h);

#define HCI_FN(name)                                                           \
	uint8_t name(struct hci *h, const uint8_t *p, size_t len,              \
		     struct hci_ret *r)
/* hci_link.c */
HCI_FN(cmd_create_connection);
HCI_FN(cmd_create_cancel);
HCI_FN(cmd_disconnect);
HCI_FN(cmd_accept);
HCI_FN(cmd_reject);
/* hci_link_cmd.c */
HCI_FN(cmd_packet_type);
HCI_FN(cmd_remote_features);
HCI_FN(cmd_remote_ext_features);
HCI_FN(cmd_remote_version);
HCI_FN(cmd_clock_offset);
HCI_FN(cmd_role);
HCI_FN(cmd_switch_role);
HCI_FN(cmd_read_policy);
HCI_FN(cmd_write_policy);
HCI_FN(cmd_sniff);
HCI_FN(cmd_exit_sniff);
HCI_FN(cmd_sniff_subrating);
HCI_FN(cmd_qos);
HCI_FN(cmd_flush);
HCI_FN(cmd_read_auto_flush);
HCI_FN(cmd_write_auto_flush);
HCI_FN(cmd_read_supervision);
HCI_FN(cmd_write_supervision);
HCI_FN(cmd_link_value);
/* hci_sync.c */
HCI_FN(cmd_add_sco);
HCI_FN(cmd_setup_sync);
HCI_FN(cmd_enhanced_setup_sync);
HCI_FN(cmd_accept_sync);
HCI_FN(cmd_reject_sync);
/* hci_auth.c */
HCI_FN(cmd_authenticate);
HCI_FN(cmd_key_reply);
HCI_FN(cmd_key_refuse);
HCI_FN(cmd_pin_reply);
HCI_FN(cmd_pin_refuse);
HCI_FN(cmd_io_reply);
HCI_FN(cmd_io_refuse);
HCI_FN(cmd_confirm);
HCI_FN(cmd_confirm_refuse);
HCI_FN(cmd_passkey);
HCI_FN(cmd_passkey_refuse);
HCI_FN(cmd_encrypt);
HCI_FN(cmd_change_key);
HCI_FN(cmd_refresh_key);
HCI_FN(cmd_key_size);
/* hci_scan.c */
HCI_FN(cmd_inquiry);
HCI_FN(cmd_inquiry_cancel);
HCI_FN(cmd_remote_name);
HCI_FN(cmd_remote_name_cancel);
HCI_FN(cmd_le_scan_params);
HCI_FN(cmd_le_scan_enable);
HCI_FN(cmd_le_adv_busy);
HCI_FN(cmd_le_connect);
HCI_FN(cmd_le_connect_cancel);

#endif

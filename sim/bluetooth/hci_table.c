/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that the simulated controller knows, one row each, sorted by
 * opcode. The list of supported commands that it reports is made of the rows.
 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

/* What a link manager of version 5.0 with our packet types says of itself:
 * 3- and 5-slot packets, encryption, slot offset, role switch, sniff; power
 * control, SCO, HV2, HV3; CVSD, transparent data; EDR of 2 and 3 Mbit/s, enhanced and
 * interlaced scans, RSSI, eSCO; EV4, EV5, LE, 3-slot EDR; 5-slot EDR, sniff
 * subrating, pause encryption, EDR eSCO; extended inquiry response, simple
 * pairing, encapsulated PDU, erroneous data reporting, non-flushable packets;
 * supervision timeout event, inquiry power, extended features. */
static const uint8_t lmp_features[8] = { 0xaf, 0x3a, 0x0d, 0xfe,
					 0xc3, 0xe7, 0x79, 0x83 };

static void supported(uint8_t mask[64])
{
	memset(mask, 0, 64);
	for (size_t i = 0; i < hci_n_commands; i++) {
		if (hci_commands[i].octet < 64) {
			mask[hci_commands[i].octet] |=
				(uint8_t)(1u << hci_commands[i].bit);
		}
	}
}

#define UNUSED                                                                 \
	do {                                                                   \
		(void)h;                                                       \
		(void)p;                                                       \
		(void)len;                                                     \
		(void)r;                                                       \
	} while (0)

static HCI_FN(cmd_reset)
{
	UNUSED;
	hci_reset(h);
	return HCI_OK;
}

static HCI_FN(cmd_version)
{
	UNUSED;
	ret_u8(r, 0x09); /* Core 5.0 */
	ret_u16(r, 0x0100);
	ret_u8(r, 0x09);
	ret_u16(r, 0xffff); /* no company's */
	ret_u16(r, 0x0001);
	return HCI_OK;
}

static HCI_FN(cmd_supported_commands)
{
	uint8_t mask[64];

	UNUSED;
	supported(mask);
	ret_put(r, mask, sizeof(mask));
	return HCI_OK;
}

static HCI_FN(cmd_features)
{
	UNUSED;
	ret_put(r, lmp_features, 8);
	return HCI_OK;
}

static HCI_FN(cmd_ext_features)
{
	uint8_t page[8] = { 0 };

	UNUSED;
	ret_u8(r, p[0]);
	ret_u8(r, 1); /* last page */
	if (p[0] == 0) {
		memcpy(page, lmp_features, sizeof(page));
	} else if (p[0] == 1) {
		page[0] = (uint8_t)((h->reg.ssp_mode[0] & 1) |
				    (h->reg.le_host[0] & 1) << 1);
	}
	ret_put(r, page, sizeof(page));
	return p[0] > 1 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_buffer_size)
{
	UNUSED;
	ret_u16(r, HCI_ACL_LEN);
	ret_u8(r, HCI_VOICE_LEN);
	ret_u16(r, HCI_ACL_BUFFERS);
	ret_u16(r, HCI_SCO_BUFFERS);
	return HCI_OK;
}

static HCI_FN(cmd_address)
{
	UNUSED;
	ret_put(r, h->addr, 6);
	return HCI_OK;
}

static HCI_FN(cmd_codecs)
{
	static const uint8_t codecs[] = { 2, 0x02 /* CVSD */,
					  0x03 /* transparent */, 0 };

	UNUSED;
	ret_put(r, codecs, sizeof(codecs));
	return HCI_OK;
}

/* Clearing, or accepting connections by themselves; the rest only filters what
 * there is too little of here. */
static HCI_FN(cmd_event_filter)
{
	UNUSED;
	if (p[0] == 0) {
		h->event_filter_all = false;
		return len == 1 ? HCI_OK : HCI_INVALID;
	}
	if (p[0] > 2 || len < 2 || p[1] > 2) {
		return HCI_INVALID;
	}
	if (p[0] == 2 && p[1] == 0) { /* connection set-up, all devices */
		if (len != 3) {
			return HCI_INVALID;
		}
		h->event_filter_all = p[2] != 1;
	}
	return HCI_OK;
}

static HCI_FN(cmd_read_keys)
{
	UNUSED;
	ret_u16(r, 0); /* room for none */
	ret_u16(r, 0);
	return HCI_OK;
}

static HCI_FN(cmd_write_keys)
{
	UNUSED;
	ret_u8(r, 0);
	return len == 1 + 22u * p[0] ? HCI_OK : HCI_INVALID;
}

static HCI_FN(cmd_delete_keys)
{
	UNUSED;
	ret_u16(r, 0);
	return HCI_OK;
}

static HCI_FN(cmd_scan_enable)
{
	UNUSED;
	return p[0] > 3 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_page_timeout)
{
	UNUSED;
	return get16(p) == 0 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_accept_timeout)
{
	UNUSED;
	return get16(p) == 0 || get16(p) > 0xb540 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_flag)
{
	UNUSED;
	return p[0] > 1 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_inquiry_mode)
{
	UNUSED;
	return p[0] > 2 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_tx_power)
{
	UNUSED;
	ret_put(r, p, 2);
	ret_u8(r, 4); /* dBm */
	return p[2] > 1		      ? HCI_INVALID :
	       hci_link(h, get16(p)) ? HCI_OK :
				       HCI_UNKNOWN_CONNECTION;
}

static HCI_FN(cmd_to_host_flow)
{
	UNUSED;
	if (p[0] > 3) {
		return HCI_INVALID;
	}
	return h->acl ? HCI_DISALLOWED : HCI_OK;
}

static HCI_FN(cmd_host_buffers)
{
	UNUSED;
	if (get16(p) == 0 || get16(p + 3) == 0) {
		return HCI_INVALID;
	}
	h->host_credits = get16(p + 3);
	return HCI_OK;
}

/* Handles and counts; only a fault is answered. */
static HCI_FN(cmd_host_completed)
{
	UNUSED;
	for (size_t i = 0; i < p[0] && 1 + 4 * i + 4 <= len; i++) {
		unsigned int n = get16(p + 1 + 4 * i + 2);
		unsigned int most = get16(h->reg.host_buffers + 3);

		h->host_credits = n < most - h->host_credits ?
					  h->host_credits + n :
					  most;
	}
	return HCI_OK;
}

static HCI_FN(cmd_n_iac)
{
	UNUSED;
	ret_u8(r, 2);
	return HCI_OK;
}

static HCI_FN(cmd_read_iac)
{
	UNUSED;
	ret_put(r, h->reg.iac, 1 + 3u * h->reg.iac[0]);
	return HCI_OK;
}

static HCI_FN(cmd_write_iac)
{
	UNUSED;
	if (p[0] == 0 || p[0] > 2 || len != 1 + 3u * p[0]) {
		return HCI_INVALID;
	}
	memcpy(h->reg.iac, p, len);
	return HCI_OK;
}

static HCI_FN(cmd_inquiry_power)
{
	UNUSED;
	ret_u8(r, 4);
	return HCI_OK;
}

static HCI_FN(cmd_clock)
{
	vtime now = evq_now(h->env.q);
	uint8_t clock[4];

	UNUSED;
	put32(clock, (uint32_t)(now / (HCI_SLOT / 2)) & 0x0fffffff);
	ret_put(r, p, 2);
	ret_put(r, clock, 4);
	ret_u16(r, 0);
	if (p[2] > 1) {
		return HCI_INVALID;
	}
	return p[2] == 0 || hci_link(h, get16(p)) ? HCI_OK :
						    HCI_UNKNOWN_CONNECTION;
}

/* ---- LE ---- */

static HCI_FN(cmd_le_buffer_size)
{
	UNUSED;
	ret_u16(r, 251);
	ret_u8(r, 8);
	return HCI_OK;
}

static HCI_FN(cmd_le_features)
{
	static const uint8_t features[8] = { 0 };

	UNUSED;
	ret_put(r, features, sizeof(features));
	return HCI_OK;
}

static HCI_FN(cmd_le_states)
{
	/* each of: not connectable, scannable, connectable advertising,
	 * passive, active scan, initiating; and scans beside advertising */
	static const uint8_t states[8] = { 0x7f, 0xff, 0, 0, 0, 0, 0, 0 };

	UNUSED;
	ret_put(r, states, sizeof(states));
	return HCI_OK;
}

static HCI_FN(cmd_le_adv_power)
{
	UNUSED;
	ret_u8(r, 4);
	return HCI_OK;
}

static HCI_FN(cmd_le_adv_data)
{
	UNUSED;
	return p[0] > 31 ? HCI_INVALID : HCI_OK;
}

static HCI_FN(cmd_le_rand)
{
	uint64_t v = av_rand_u64(&h->rand);
	uint8_t b[8];

	UNUSED;
	put32(b, (uint32_t)v);
	put32(b + 4, (uint32_t)(v >> 32));
	ret_put(r, b, sizeof(b));
	return HCI_OK;
}

static HCI_FN(cmd_le_accept_size)
{
	UNUSED;
	ret_u8(r, HCI_ACCEPT_LIST_MAX);
	return HCI_OK;
}

static HCI_FN(cmd_le_accept_clear)
{
	UNUSED;
	memset(h->accept, 0, sizeof(h->accept));
	return HCI_OK;
}

static HCI_FN(cmd_le_accept_add)
{
	size_t free_one = HCI_ACCEPT_LIST_MAX;

	UNUSED;
	for (size_t i = HCI_ACCEPT_LIST_MAX; i-- > 0;) {
		if (!h->accept[i].used) {
			free_one = i;
		} else if (h->accept[i].type == p[0] &&
			   !memcmp(h->accept[i].addr, p + 1, 6)) {
			return HCI_OK;
		}
	}
	if (free_one == HCI_ACCEPT_LIST_MAX) {
		return HCI_MEMORY_FULL;
	}
	h->accept[free_one].used = true;
	h->accept[free_one].type = p[0];
	memcpy(h->accept[free_one].addr, p + 1, 6);
	return HCI_OK;
}

static HCI_FN(cmd_le_accept_remove)
{
	UNUSED;
	for (size_t i = 0; i < HCI_ACCEPT_LIST_MAX; i++) {
		if (h->accept[i].used && h->accept[i].type == p[0] &&
		    !memcmp(h->accept[i].addr, p + 1, 6)) {
			h->accept[i].used = false;
			return HCI_OK;
		}
	}
	return HCI_INVALID;
}

#define REG(f)                                                                 \
	.reg = offsetof(struct hci_regs, f),                                   \
	.reg_len = sizeof(((struct hci_regs *)NULL)->f)

/* opcode, place in the list, length of parameters, name */
#define DO(o, octet_, bit_, l, n, f)                                           \
	{ .op = o, .octet = octet_, .bit = bit_, .len = l, .name = n, .fn = f }
#define ASK(o, octet_, bit_, l, n, f)                                          \
	{ .op = o, .octet = octet_, .bit = bit_, .len = l, .name = n, .fn = f, \
	  .answer = ANSWER_STATUS }
#define READ(o, octet_, bit_, n, field)                                        \
	{ .op = o, .octet = octet_, .bit = bit_, .len = 0, .name = n,          \
	  REG(field), .reads = true }
#define WRITE(o, octet_, bit_, n, field, f)                                    \
	{ .op = o, .octet = octet_, .bit = bit_, .name = n, .fn = f,           \
	  .len = sizeof(((struct hci_regs *)NULL)->field), REG(field) }

/* clang-format off */
const struct hci_command hci_commands[] = {
	/* link control */
	ASK(0x0401,  0, 0,  5, "Inquiry", cmd_inquiry),
	DO(0x0402,   0, 1,  0, "Inquiry Cancel", cmd_inquiry_cancel),
	ASK(0x0405,  0, 4, 13, "Create Connection", cmd_create_connection),
	ASK(0x0406,  0, 5,  3, "Disconnect", cmd_disconnect),
	ASK(0x0407,  0, 6,  4, "Add SCO Connection", cmd_add_sco),
	DO(0x0408,   0, 7,  6, "Create Connection Cancel", cmd_create_cancel),
	ASK(0x0409,  1, 0,  7, "Accept Connection Request", cmd_accept),
	ASK(0x040a,  1, 1,  7, "Reject Connection Request", cmd_reject),
	DO(0x040b,   1, 2, 22, "Link Key Request Reply", cmd_key_reply),
	DO(0x040c,   1, 3,  6, "Link Key Request Negative Reply", cmd_key_refuse),
	DO(0x040d,   1, 4, 23, "PIN Code Request Reply", cmd_pin_reply),
	DO(0x040e,   1, 5,  6, "PIN Code Request Negative Reply", cmd_pin_refuse),
	ASK(0x040f,  1, 6,  4, "Change Connection Packet Type", cmd_packet_type),
	ASK(0x0411,  1, 7,  2, "Authentication Requested", cmd_authenticate),
	ASK(0x0413,  2, 0,  3, "Set Connection Encryption", cmd_encrypt),
	ASK(0x0415,  2, 1,  2, "Change Connection Link Key", cmd_change_key),
	ASK(0x0419,  2, 3, 10, "Remote Name Request", cmd_remote_name),
	DO(0x041a,   2, 4,  6, "Remote Name Request Cancel", cmd_remote_name_cancel),
	ASK(0x041b,  2, 5,  2, "Read Remote Supported Features", cmd_remote_features),
	ASK(0x041c,  2, 6,  3, "Read Remote Extended Features", cmd_remote_ext_features),
	ASK(0x041d,  2, 7,  2, "Read Remote Version Information", cmd_remote_version),
	ASK(0x041f,  3, 0,  2, "Read Clock Offset", cmd_clock_offset),
	ASK(0x0428, 16, 3, 17, "Setup Synchronous Connection", cmd_setup_sync),
	ASK(0x0429, 16, 4, 21, "Accept Synchronous Connection Request", cmd_accept_sync),
	ASK(0x042a, 16, 5,  7, "Reject Synchronous Connection Request", cmd_reject_sync),
	DO(0x042b,  18, 7,  9, "IO Capability Request Reply", cmd_io_reply),
	DO(0x042c,  19, 0,  6, "User Confirmation Request Reply", cmd_confirm),
	DO(0x042d,  19, 1,  6, "User Confirmation Request Negative Reply", cmd_confirm_refuse),
	DO(0x042e,  19, 2, 10, "User Passkey Request Reply", cmd_passkey),
	DO(0x042f,  19, 3,  6, "User Passkey Request Negative Reply", cmd_passkey_refuse),
	DO(0x0434,  20, 3,  7, "IO Capability Request Negative Reply", cmd_io_refuse),
	ASK(0x043d, 29, 3, 59, "Enhanced Setup Synchronous Connection", cmd_enhanced_setup_sync),
	ASK(0x043e, 29, 4, 63, "Enhanced Accept Synchronous Connection Request", cmd_accept_sync),
	/* link policy */
	ASK(0x0803,  4, 2, 10, "Sniff Mode", cmd_sniff),
	ASK(0x0804,  4, 3,  2, "Exit Sniff Mode", cmd_exit_sniff),
	ASK(0x0807,  4, 6, 20, "QoS Setup", cmd_qos),
	DO(0x0809,   4, 7,  2, "Role Discovery", cmd_role),
	ASK(0x080b,  5, 0,  7, "Switch Role", cmd_switch_role),
	DO(0x080c,   5, 1,  2, "Read Link Policy Settings", cmd_read_policy),
	DO(0x080d,   5, 2,  4, "Write Link Policy Settings", cmd_write_policy),
	READ(0x080e, 5, 3,     "Read Default Link Policy Settings", policy),
	WRITE(0x080f, 5, 4,    "Write Default Link Policy Settings", policy, NULL),
	DO(0x0811,  17, 4,  8, "Sniff Subrating", cmd_sniff_subrating),
	/* controller and baseband */
	WRITE(0x0c01, 5, 6,    "Set Event Mask", event_mask, NULL),
	DO(0x0c03,   5, 7,  0, "Reset", cmd_reset),
	DO(0x0c05,   6, 0, HCI_LEN_ANY, "Set Event Filter", cmd_event_filter),
	DO(0x0c08,   6, 1,  2, "Flush", cmd_flush),
	READ(0x0c09, 6, 2,     "Read PIN Type", pin_type),
	WRITE(0x0c0a, 6, 3,    "Write PIN Type", pin_type, cmd_flag),
	DO(0x0c0d,   6, 5,  7, "Read Stored Link Key", cmd_read_keys),
	DO(0x0c11,   6, 6, HCI_LEN_ANY, "Write Stored Link Key", cmd_write_keys),
	DO(0x0c12,   6, 7,  7, "Delete Stored Link Key", cmd_delete_keys),
	WRITE(0x0c13, 7, 0,    "Write Local Name", name, NULL),
	READ(0x0c14, 7, 1,     "Read Local Name", name),
	READ(0x0c15, 7, 2,     "Read Connection Accept Timeout", accept_timeout),
	WRITE(0x0c16, 7, 3,    "Write Connection Accept Timeout", accept_timeout, cmd_accept_timeout),
	READ(0x0c17, 7, 4,     "Read Page Timeout", page_timeout),
	WRITE(0x0c18, 7, 5,    "Write Page Timeout", page_timeout, cmd_page_timeout),
	READ(0x0c19, 7, 6,     "Read Scan Enable", scan_enable),
	WRITE(0x0c1a, 7, 7,    "Write Scan Enable", scan_enable, cmd_scan_enable),
	READ(0x0c1b, 8, 0,     "Read Page Scan Activity", page_scan),
	WRITE(0x0c1c, 8, 1,    "Write Page Scan Activity", page_scan, NULL),
	READ(0x0c1d, 8, 2,     "Read Inquiry Scan Activity", inquiry_scan),
	WRITE(0x0c1e, 8, 3,    "Write Inquiry Scan Activity", inquiry_scan, NULL),
	READ(0x0c1f, 8, 4,     "Read Authentication Enable", auth_enable),
	WRITE(0x0c20, 8, 5,    "Write Authentication Enable", auth_enable, cmd_flag),
	READ(0x0c23, 9, 0,     "Read Class Of Device", class_of_device),
	WRITE(0x0c24, 9, 1,    "Write Class Of Device", class_of_device, NULL),
	READ(0x0c25, 9, 2,     "Read Voice Setting", voice),
	WRITE(0x0c26, 9, 3,    "Write Voice Setting", voice, NULL),
	DO(0x0c27,   9, 4,  2, "Read Automatic Flush Timeout", cmd_read_auto_flush),
	DO(0x0c28,   9, 5,  4, "Write Automatic Flush Timeout", cmd_write_auto_flush),
	READ(0x0c29, 9, 6,     "Read Num Broadcast Retransmissions", broadcasts),
	WRITE(0x0c2a, 9, 7,    "Write Num Broadcast Retransmissions", broadcasts, NULL),
	READ(0x0c2b, 10, 0,    "Read Hold Mode Activity", hold_activity),
	WRITE(0x0c2c, 10, 1,   "Write Hold Mode Activity", hold_activity, NULL),
	DO(0x0c2d,  10, 2,  3, "Read Transmit Power Level", cmd_tx_power),
	READ(0x0c2e, 10, 3,    "Read Synchronous Flow Control Enable", sync_flow),
	WRITE(0x0c2f, 10, 4,   "Write Synchronous Flow Control Enable", sync_flow, cmd_flag),
	WRITE(0x0c31, 10, 5,   "Set Controller To Host Flow Control", to_host_flow, cmd_to_host_flow),
	WRITE(0x0c33, 10, 6,   "Host Buffer Size", host_buffers, cmd_host_buffers),
	{ .op = 0x0c35, .octet = 10, .bit = 7, .len = HCI_LEN_ANY,
	  .name = "Host Number Of Completed Packets",
	  .fn = cmd_host_completed, .answer = ANSWER_NONE },
	DO(0x0c36,  11, 0,  2, "Read Link Supervision Timeout", cmd_read_supervision),
	DO(0x0c37,  11, 1,  4, "Write Link Supervision Timeout", cmd_write_supervision),
	DO(0x0c38,  11, 2,  0, "Read Number Of Supported IAC", cmd_n_iac),
	DO(0x0c39,  11, 3,  0, "Read Current IAC LAP", cmd_read_iac),
	DO(0x0c3a,  11, 4, HCI_LEN_ANY, "Write Current IAC LAP", cmd_write_iac),
	READ(0x0c42, 12, 4,    "Read Inquiry Scan Type", inquiry_scan_type),
	WRITE(0x0c43, 12, 5,   "Write Inquiry Scan Type", inquiry_scan_type, cmd_flag),
	READ(0x0c44, 12, 6,    "Read Inquiry Mode", inquiry_mode),
	WRITE(0x0c45, 12, 7,   "Write Inquiry Mode", inquiry_mode, cmd_inquiry_mode),
	READ(0x0c46, 13, 0,    "Read Page Scan Type", page_scan_type),
	WRITE(0x0c47, 13, 1,   "Write Page Scan Type", page_scan_type, cmd_flag),
	READ(0x0c48, 13, 2,    "Read AFH Channel Assessment Mode", afh_mode),
	WRITE(0x0c49, 13, 3,   "Write AFH Channel Assessment Mode", afh_mode, cmd_flag),
	READ(0x0c51, 17, 0,    "Read Extended Inquiry Response", eir),
	WRITE(0x0c52, 17, 1,   "Write Extended Inquiry Response", eir, cmd_flag),
	ASK(0x0c53, 17, 2,  2, "Refresh Encryption Key", cmd_refresh_key),
	READ(0x0c55, 17, 5,    "Read Simple Pairing Mode", ssp_mode),
	WRITE(0x0c56, 17, 6,   "Write Simple Pairing Mode", ssp_mode, cmd_flag),
	DO(0x0c58,  18, 0,  0, "Read Inquiry Response Transmit Power Level", cmd_inquiry_power),
	WRITE(0x0c59, 18, 1,   "Write Inquiry Transmit Power Level", inquiry_power, NULL),
	READ(0x0c5a, 18, 2,    "Read Default Erroneous Data Reporting", bad_data),
	WRITE(0x0c5b, 18, 3,   "Write Default Erroneous Data Reporting", bad_data, cmd_flag),
	WRITE(0x0c63, 22, 2,   "Set Event Mask Page 2", event_mask2, NULL),
	READ(0x0c6c, 24, 5,    "Read LE Host Support", le_host),
	WRITE(0x0c6d, 24, 6,   "Write LE Host Support", le_host, cmd_flag),
	/* what it is */
	DO(0x1001,  14, 3,  0, "Read Local Version Information", cmd_version),
	DO(0x1002, 0xff, 0, 0, "Read Local Supported Commands", cmd_supported_commands),
	DO(0x1003,  14, 5,  0, "Read Local Supported Features", cmd_features),
	DO(0x1004,  14, 6,  1, "Read Local Extended Features", cmd_ext_features),
	DO(0x1005,  14, 7,  0, "Read Buffer Size", cmd_buffer_size),
	DO(0x1009,  15, 1,  0, "Read BD ADDR", cmd_address),
	DO(0x100b,  29, 5,  0, "Read Local Supported Codecs", cmd_codecs),
	/* how it is; all with a handle, see cmd_link_value() */
	DO(0x1401,  15, 2,  2, "Read Failed Contact Counter", cmd_link_value),
	DO(0x1402,  15, 3,  2, "Reset Failed Contact Counter", cmd_link_value),
	DO(0x1403,  15, 4,  2, "Read Link Quality", cmd_link_value),
	DO(0x1405,  15, 5,  2, "Read RSSI", cmd_link_value),
	DO(0x1406,  15, 6,  2, "Read AFH Channel Map", cmd_link_value),
	DO(0x1407,  15, 7,  3, "Read Clock", cmd_clock),
	DO(0x1408,  20, 4,  2, "Read Encryption Key Size", cmd_key_size),
	/* LE */
	WRITE(0x2001, 25, 0,   "LE Set Event Mask", le_event_mask, NULL),
	DO(0x2002,  25, 1,  0, "LE Read Buffer Size", cmd_le_buffer_size),
	DO(0x2003,  25, 2,  0, "LE Read Local Supported Features", cmd_le_features),
	WRITE(0x2005, 25, 4,   "LE Set Random Address", le_addr, cmd_le_adv_busy),
	WRITE(0x2006, 25, 5,   "LE Set Advertising Parameters", le_adv_params, cmd_le_adv_busy),
	DO(0x2007,  25, 6,  0, "LE Read Advertising Channel TX Power", cmd_le_adv_power),
	WRITE(0x2008, 25, 7,   "LE Set Advertising Data", le_adv, cmd_le_adv_data),
	WRITE(0x2009, 26, 0,   "LE Set Scan Response Data", le_scan_rsp, cmd_le_adv_data),
	WRITE(0x200a, 26, 1,   "LE Set Advertising Enable", le_adv_enable, cmd_flag),
	WRITE(0x200b, 26, 2,   "LE Set Scan Parameters", le_scan_params, cmd_le_scan_params),
	WRITE(0x200c, 26, 3,   "LE Set Scan Enable", le_scan_enable, cmd_le_scan_enable),
	ASK(0x200d, 26, 4, 25, "LE Create Connection", cmd_le_connect),
	DO(0x200e,  26, 5,  0, "LE Create Connection Cancel", cmd_le_connect_cancel),
	DO(0x200f,  26, 6,  0, "LE Read Filter Accept List Size", cmd_le_accept_size),
	DO(0x2010,  26, 7,  0, "LE Clear Filter Accept List", cmd_le_accept_clear),
	DO(0x2011,  27, 0,  7, "LE Add Device To Filter Accept List", cmd_le_accept_add),
	DO(0x2012,  27, 1,  7, "LE Remove Device From Filter Accept List", cmd_le_accept_remove),
	DO(0x2018,  27, 7,  0, "LE Rand", cmd_le_rand),
	DO(0x201c,  28, 3,  0, "LE Read Supported States", cmd_le_states),
};
/* clang-format on */

const size_t hci_n_commands = sizeof(hci_commands) / sizeof(hci_commands[0]);

const struct hci_command *hci_command_find(uint16_t op)
{
	size_t lo = 0, hi = hci_n_commands;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (hci_commands[mid].op < op) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo < hci_n_commands && hci_commands[lo].op == op ?
		       &hci_commands[lo] :
		       NULL;
}

const char *hci_command_name(uint16_t opcode)
{
	const struct hci_command *c = hci_command_find(opcode);

	return c ? c->name : "?";
}

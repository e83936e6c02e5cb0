/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/net_opts.h"

#include "sim/core/rand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTNAME_MAX = 63 }; /* RFC 1035 */

const struct vdev_opt net_opt_rows[] = {
	{ .name = "mac",
	  .value = "XX:XX:XX:XX:XX:XX",
	  .help = "default: made of the run's seed and the device's name" },
	{ .name = "net",
	  .value = "ADDRESS/BITS",
	  .help = "the guest's network, default 10.0.2.0/24" },
	{ .name = "host",
	  .value = "ADDRESS",
	  .help = "of the host and router in it, default the 2nd" },
	{ .name = "dhcp",
	  .value = "ADDRESS|off",
	  .help = "what the guest gets, and where forwards go; default the "
		  "15th" },
	{ .name = "dns",
	  .value = "ADDRESS|off",
	  .help = "where the host's resolver is seen, default the 3rd" },
	{ .name = "hostname",
	  .value = "NAME",
	  .help = "told to the guest by DHCP" },
	{ .name = "forward",
	  .value = "tcp|udp:[HOSTADDR:]PORT:GUESTPORT;...",
	  .help = "host ports that lead into the guest; HOSTADDR default "
		  "127.0.0.1" },
	{ .name = "restrict",
	  .value = "on|off",
	  .help = "the guest reaches nothing but what is forwarded, default "
		  "off" },
	{ .name = "loopback",
	  .value = "on|off",
	  .help = "the guest reaches the host's own services at the host "
		  "address, default on" },
	{ .name = "ipv6",
	  .value = "on|off",
	  .help = "fec0::/64 by router advertisement, default on" },
	{ .name = "mtu", .value = "N", .help = "1280 to 65521, default 1500" },
	{ .name = "offloads",
	  .value = "on|off",
	  .help = "checksums and TCP segments are the device's work, default "
		  "on" },
	{ .name = "queues",
	  .value = "N",
	  .help = "pairs of queues, 1 to 8, default 1" },
	{ .name = NULL },
};

void net_default_mac(uint64_t seed, const char *name, uint8_t mac[NET_MAC_LEN])
{
	struct av_rand r;
	char stream[96];

	snprintf(stream, sizeof(stream), "device/%s/mac", name);
	av_rand_init(&r, seed, stream);
	av_rand_bytes(&r, mac, NET_MAC_LEN);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 2); /* local, of one station */
}

static int bad(const struct vdev_args *a, const char *key, const char *value,
	       const char *want, struct av_err *err)
{
	return av_err_set(err, -EINVAL, "%s: %s is '%.64s', not %s", a->name,
			  key, value, want);
}

static int get_switch(const struct vdev_args *a, const char *key,
		      bool otherwise, bool *out, struct av_err *err)
{
	const char *v = vdev_opt(a, key, otherwise ? "on" : "off");

	*out = !strcmp(v, "on");
	return *out || !strcmp(v, "off") ? 0 : bad(a, key, v, "on or off", err);
}

static int get_number(const struct vdev_args *a, const char *key,
		      unsigned long otherwise, unsigned long min,
		      unsigned long max, unsigned long *out, struct av_err *err)
{
	const char *v = vdev_opt(a, key, NULL);
	char want[64], *end;

	*out = otherwise;
	if (!v) {
		return 0;
	}
	errno = 0;
	*out = strtoul(v, &end, 10);
	if (v[0] >= '0' && v[0] <= '9' && !*end && !errno && *out >= min &&
	    *out <= max) {
		return 0;
	}
	snprintf(want, sizeof(want), "a number from %lu to %lu", min, max);
	return bad(a, key, v, want, err);
}

static int get_mac(const struct vdev_args *a, struct net_opts *o,
		   struct av_err *err)
{
	const char *v = vdev_opt(a, "mac", NULL);
	unsigned int b[NET_MAC_LEN];
	char more;

	if (!v) {
		net_default_mac(a->seed, a->name, o->mac);
		return 0;
	}
	if (strlen(v) != 17 || strspn(v, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(v, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3],
		   &b[4], &b[5], &more) != 6) {
		return bad(a, "mac", v, "six bytes like 52:54:00:12:34:56",
			   err);
	}
	for (int i = 0; i < NET_MAC_LEN; i++) {
		o->mac[i] = (uint8_t)b[i];
	}
	return b[0] & 1 ? bad(a, "mac", v,
			      "the address of one station (its "
			      "first byte is odd)",
			      err)
			: 0;
}

static int get_net(const struct vdev_args *a, struct net_opts *o,
		   struct av_err *err)
{
	const char *v = vdev_opt(a, "net", "10.0.2.0/24");
	char text[32], *slash, *end;
	unsigned long bits;
	uint32_t mask;

	snprintf(text, sizeof(text), "%s", v);
	slash = strchr(text, '/');
	if (slash) {
		*slash++ = '\0';
	}
	bits = slash ? strtoul(slash, &end, 10) : 0;
	if (!slash || *end || bits < 8 || bits > 27 ||
	    inet_pton(AF_INET, text, &o->net) != 1) {
		return bad(a, "net", v,
			   "a network like 10.0.2.0/24 (8 to 27 bits)", err);
	}
	mask = UINT32_MAX << (32 - bits);
	o->mask.s_addr = htonl(mask);
	if (o->net.s_addr & ~o->mask.s_addr) {
		return bad(a, "net", v,
			   "a network: bits behind the mask are "
			   "set",
			   err);
	}
	return 0;
}

/* @off false where "off" was said; then @out is the default. */
static int get_addr(const struct vdev_args *a, const struct net_opts *o,
		    const char *key, uint32_t nth, bool *on,
		    struct in_addr *out, struct av_err *err)
{
	const char *v = vdev_opt(a, key, NULL);
	uint32_t place;

	out->s_addr = o->net.s_addr | htonl(nth);
	if (on) {
		*on = !v || strcmp(v, "off") != 0;
	}
	if (!v || (on && !*on)) {
		return 0;
	}
	if (inet_pton(AF_INET, v, out) != 1) {
		return bad(a, key, v, "an address like 10.0.2.15", err);
	}
	place = ntohl(out->s_addr & ~o->mask.s_addr);
	if ((out->s_addr & o->mask.s_addr) != o->net.s_addr || !place ||
	    place == ntohl(~o->mask.s_addr)) {
		return bad(a, key, v, "an address inside of net=", err);
	}
	return 0;
}

static int get_addrs(const struct vdev_args *a, struct net_opts *o,
		     struct av_err *err)
{
	int ret = get_net(a, o, err);

	ret = ret ? ret : get_addr(a, o, "host", 2, NULL, &o->host, err);
	ret = ret ? ret
		  : get_addr(a, o, "dhcp", 15, &o->serve_dhcp, &o->dhcp, err);
	ret = ret ? ret : get_addr(a, o, "dns", 3, &o->serve_dns, &o->dns, err);
	if (ret) {
		return ret;
	}
	if (o->host.s_addr == o->dhcp.s_addr ||
	    o->host.s_addr == o->dns.s_addr ||
	    o->dhcp.s_addr == o->dns.s_addr) {
		return av_err_set(err, -EINVAL,
				  "%s: host, dhcp and dns must be three "
				  "addresses",
				  a->name);
	}
	return 0;
}

static bool get_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*port = (uint16_t)v;
	return text[0] >= '0' && text[0] <= '9' && !*end && v > 0 && v < 65536;
}

/* "tcp:127.0.0.1:8022:22" or "tcp:8022:22" */
static bool get_forward(char *text, struct net_forward *f)
{
	char *part[4], *save = NULL;
	int n = 0;

	for (char *p = strtok_r(text, ":", &save); p;
	     p = strtok_r(NULL, ":", &save)) {
		if (n == 4) {
			return false;
		}
		part[n++] = p;
	}
	if (n < 3 || (strcmp(part[0], "tcp") && strcmp(part[0], "udp"))) {
		return false;
	}
	f->udp = part[0][0] == 'u';
	f->host.s_addr = htonl(INADDR_LOOPBACK);
	return (n == 3 || inet_pton(AF_INET, part[1], &f->host) == 1) &&
	       get_port(part[n - 2], &f->host_port) &&
	       get_port(part[n - 1], &f->guest_port);
}

static int get_forwards(const struct vdev_args *a, struct net_opts *o,
			struct av_err *err)
{
	const char *v = vdev_opt(a, "forward", NULL);

	while (v && *v) {
		size_t n = strcspn(v, ";");
		char one[96];

		if (o->n_forwards == NET_FORWARDS_MAX) {
			return av_err_set(err, -EINVAL,
					  "%s: more than %d forwards", a->name,
					  NET_FORWARDS_MAX);
		}
		snprintf(one, sizeof(one), "%.*s", (int)n, v);
		if (n >= sizeof(one) ||
		    !get_forward(one, &o->forward[o->n_forwards++])) {
			snprintf(one, sizeof(one), "%.*s",
				 (int)(n < 64 ? n : 64), v);
			return bad(a, "forward", one,
				   "like tcp:8022:22 or "
				   "tcp:127.0.0.1:8022:22",
				   err);
		}
		v += n + (v[n] == ';');
	}
	return 0;
}

static int get_hostname(const struct vdev_args *a, struct net_opts *o,
			struct av_err *err)
{
	const char *v = vdev_opt(a, "hostname", NULL);
	size_t n = v ? strlen(v) : 0;

	o->hostname = v;
	if (v && (!n || n > HOSTNAME_MAX ||
		  strspn(v, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != n)) {
		return bad(a, "hostname", v,
			   "a name of letters, digits and '-'", err);
	}
	return 0;
}

int net_opts_parse(const struct vdev_args *a, struct net_opts *o,
		   struct av_err *err)
{
	unsigned long mtu = 0, pairs = 0;
	int ret;

	*o = (struct net_opts){ 0 };
	ret = get_mac(a, o, err);
	ret = ret ? ret : get_addrs(a, o, err);
	ret = ret ? ret : get_forwards(a, o, err);
	ret = ret ? ret : get_hostname(a, o, err);
	ret = ret ? ret : get_switch(a, "restrict", false, &o->restricted, err);
	ret = ret ? ret : get_switch(a, "loopback", true, &o->loopback, err);
	ret = ret ? ret : get_switch(a, "ipv6", true, &o->ipv6, err);
	ret = ret ? ret : get_switch(a, "offloads", true, &o->offloads, err);
	ret = ret ? ret
		  : get_number(a, "mtu", 1500, NET_MTU_MIN, NET_MTU_MAX, &mtu,
			       err);
	ret = ret ? ret
		  : get_number(a, "queues", 1, 1, NET_PAIRS_MAX, &pairs, err);
	o->mtu = (uint16_t)mtu;
	o->pairs = (unsigned int)pairs;
	return ret;
}

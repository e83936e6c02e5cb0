/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/evdev.h"

#include "sim/core/err.h"

#include <linux/input-event-codes.h>
#include <string.h>
#include <strings.h>

#define K(name_)                                                               \
	{                                                                      \
		.name = #name_, .code = KEY_##name_                            \
	}

/* clang-format off */
const struct evdev_key evdev_keys[] = {
	K(ESC), K(1), K(2), K(3), K(4), K(5), K(6), K(7), K(8), K(9), K(0),
	K(MINUS), K(EQUAL), K(BACKSPACE), K(TAB), K(Q), K(W), K(E), K(R), K(T),
	K(Y), K(U), K(I), K(O), K(P), K(LEFTBRACE), K(RIGHTBRACE), K(ENTER),
	K(LEFTCTRL), K(A), K(S), K(D), K(F), K(G), K(H), K(J), K(K), K(L),
	K(SEMICOLON), K(APOSTROPHE), K(GRAVE), K(LEFTSHIFT), K(BACKSLASH),
	K(Z), K(X), K(C), K(V), K(B), K(N), K(M), K(COMMA), K(DOT), K(SLASH),
	K(RIGHTSHIFT), K(LEFTALT), K(SPACE), K(CAPSLOCK), K(F1), K(F2), K(F3),
	K(F4), K(F5), K(F6), K(F7), K(F8), K(F9), K(F10), K(F11), K(F12),
	K(RIGHTCTRL), K(RIGHTALT), K(HOME), K(UP), K(PAGEUP), K(LEFT),
	K(RIGHT), K(END), K(DOWN), K(PAGEDOWN), K(INSERT), K(DELETE), K(MUTE),
	K(VOLUMEDOWN), K(VOLUMEUP), K(POWER), K(PAUSE), K(LEFTMETA), K(MENU),
	K(STOP), K(FIND), K(HELP), K(SLEEP), K(WAKEUP), K(PHONE), K(BACK),
	K(FORWARD), K(NEXTSONG), K(PLAYPAUSE), K(PREVIOUSSONG), K(STOPCD),
	K(RECORD), K(REWIND), K(HOMEPAGE), K(REFRESH), K(PLAYCD), K(PAUSECD),
	K(FASTFORWARD), K(CAMERA), K(SEARCH), K(BRIGHTNESSDOWN),
	K(BRIGHTNESSUP), K(MEDIA), K(MICMUTE), K(OK), K(SELECT), K(RADIO),
	K(APPSELECT), K(VOICECOMMAND), K(ASSISTANT), K(ALL_APPLICATIONS),
	K(PICKUP_PHONE), K(HANGUP_PHONE),
};
/* clang-format on */
const size_t n_evdev_keys = sizeof(evdev_keys) / sizeof(evdev_keys[0]);

int evdev_key_find(const char *name)
{
	if (!strncasecmp(name, "KEY_", 4)) {
		name += 4;
	}
	for (size_t i = 0; i < n_evdev_keys; i++) {
		if (!strcasecmp(evdev_keys[i].name, name)) {
			return evdev_keys[i].code;
		}
	}
	return -1;
}

static const char *name_at(const void *ctx, size_t i)
{
	(void)ctx;
	return evdev_keys[i].name;
}

const char *evdev_key_suggest(const char *name)
{
	char upper[32];
	size_t n = 0;

	if (!strncasecmp(name, "KEY_", 4)) {
		name += 4;
	}
	for (; name[n] && n < sizeof(upper) - 1; n++) {
		char c = name[n];

		upper[n] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	upper[n] = '\0';
	return av_suggest(upper, n_evdev_keys, name_at, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/tui.h"

/* In the order of the number keys. */
/* clang-format off */
const struct tui_view tui_views[TUI_N_VIEWS] = {
	{ "Drive",	"Drive", "", tui_drive_draw, NULL },
	{ "Map",	"Map", "z/Z zoom  a auto", tui_map_draw, tui_map_key },
	{ "Properties",	"Props", "/ search  o order  c changed  Enter set",
			tui_props_draw, tui_props_key },
	{ "CAN",	"CAN", "i inject  / search  Enter signals",
			tui_can_draw, tui_can_key },
	{ "Log",	"Log", "/ search  t kinds", tui_log_draw, tui_log_key },
	{ "Actions",	"Act", "Enter start or clear  ←→ list",
			tui_actions_draw, tui_actions_key },
	{ "Motion",	"IMU", "Enter rate", tui_imu_draw, tui_imu_key },
	{ "Bluetooth",	"BT", "", tui_bt_draw, NULL },
	{ "Devices",	"Dev", "", tui_devices_draw, tui_devices_key },
	{ "Satellites",	"GNSS", "", tui_gnss_draw, NULL },
};
/* clang-format on */

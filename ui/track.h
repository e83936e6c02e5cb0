/* SPDX-License-Identifier: Apache-2.0 */
/* The path driven, for the map. Private to the model. */
#ifndef AVSIM_UI_TRACK_H
#define AVSIM_UI_TRACK_H

struct model;

void track_init(struct model *m);
void track_vehicle(struct model *m, const void *vehicle_state);
void track_signal(struct model *m, const void *signal_event);

#endif

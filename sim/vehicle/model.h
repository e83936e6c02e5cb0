/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the vehicle model: one struct, one file per part of the car. Only
 * the model's own files and its unit tests include this.
 *
 * A step of 10 ms runs in this order: driver, body logic and ignition,
 * powertrain (forces), chassis (five sub-steps of 2 ms), battery; what changes
 * slowly (heat, cabin, tyres, range) runs every tenth step, each in a step of
 * its own. Values people see live in v[], what else a part must remember in its
 * struct.
 */
#ifndef AVSIM_VEHICLE_MODEL_H
#define AVSIM_VEHICLE_MODEL_H

#include "sim/core/rand.h"
#include "sim/vehicle/vehicle.h"
#include "sim/vehicle/vehicle_file.h"

#include <math.h>
#include <stdbool.h>

#define V(name) (v->v[VV_##name])

#define STEP_S 0.01 /* VEHICLE_STEP */
#define SUBSTEPS 5
#define SLOW_EVERY 10
#define SLOW_S (STEP_S * SLOW_EVERY)

#define GRAVITY 9.80665 /* m/s2, standard */
#define KELVIN 273.15
#define PI 3.141592653589793

enum { GEAR_P, GEAR_R, GEAR_N, GEAR_D };
enum { IGN_LOCK = 1, IGN_OFF, IGN_ACC, IGN_ON, IGN_START };
enum { STOP_CREEP = 1, STOP_ROLL, STOP_HOLD };
enum { SWITCH_OFF, SWITCH_ON, SWITCH_DAYTIME, SWITCH_AUTO = 256 };

static inline double clamp(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

/* Move @from towards @to by at most @by. */
static inline double approach(double from, double to, double by)
{
	return from + clamp(to - from, -by, by);
}

/* Angle in (-pi, pi]; takes any finite angle. */
static inline double wrap_pi(double a)
{
	return a - 2 * PI * ceil((a - PI) / (2 * PI));
}

/* ---- geodesy: tangent plane at the start point, WGS84 ---- */

struct geo {
	double ecef[3]; /* of the start point, m */
	double east[3], north[3], up[3];
	double radius; /* mean radius of curvature there, m */
};
void geo_init(struct geo *g, double lat_deg, double lon_deg, double alt_m);
void geo_from_enu(const struct geo *g, double x, double y, double *lat_deg,
		  double *lon_deg);

/* ---- chassis ---- */

/* What powertrain and brakes ask of the tyres during one step. */
struct forces {
	double motor;       /* at the driven wheels, N, forward positive */
	double brake_front; /* friction brakes, magnitude */
	double brake_rear;
	double lock_rear;  /* parking brake, magnitude */
	double lock_drive; /* parking lock of the gearbox, magnitude */
};

struct chassis {
	/* constants */
	double front, rear; /* axle to centre of mass, m */
	double mass_eff;    /* with rotating parts, kg */
	double understeer;  /* K: road wheel rad per m/s2 */
	/* state; body axes, SI */
	double vx, vy, yaw_rate;
	double heading, x, y, z;
	double steer;  /* road wheel, rad */
	double ax, ay; /* of the last step */
	double roll, roll_rate, pitch, pitch_rate; /* the road's slope included */
	double turn[4]; /* wheel rotation since start, rad: fl fr rl rr */
	double slip_front, slip_rear;
	double air_density;
	double rolling; /* coefficient at today's pressures */
	double sin_grade, cos_grade, grade_seen;
	bool abs, tc;
	/* of the last step, for battery and books */
	double motor_force; /* mean of what the tyres took, N */
	double motor_power; /* at the driven wheels, slip included, W */
};

/* Where the energy went, J since start. Tests balance it. */
struct energy_books {
	double chemical; /* out of the cells */
	double cell_heat;
	double motor_loss, gear_loss, slip;
	double drag, rolling, brakes, cornering, climb;
	double auxiliary; /* 12 V, DC-DC converter, climate, battery heater */
	double charger;   /* into the car from the plug */
};

/* ---- powertrain ---- */

struct powertrain {
	double engage_s; /* left until the selected gear is in */
	bool hold;       /* standing by the hold function */
	double loss_w;   /* motor and inverter, last step */
	double heat_j;   /* of motor and inverter since the last slow step */
};

#define CREEP_CUT 0.1   /* brake pedal that cuts creep torque wholly */
#define HOLD_BLEND 0.05 /* accelerator that ends the hold brake wholly */

/* Forces at the wheels along the gear's direction at today's speed, N. */
struct lift {
	double drive_max;  /* at full accelerator */
	double regen_max;  /* most recuperation possible, magnitude */
	double fade;       /* share of recuperation left at low speed */
	double lift;       /* accelerator released, negative: recuperates */
	double creep;      /* creep torque adds, without brake */
	double hold_brake; /* friction the hold function adds, magnitude */
};

/* ---- battery ---- */

struct battery {
	double charge_c;                /* coulombs when full */
	double area[VEHICLE_CURVE_MAX]; /* integral of the curve up to x[i] */
	double volts;                   /* open circuit, pack */
	double resistance;              /* at today's temperature, ohm */
	double heat_j;                  /* since the last slow step */
	double charge_w;                /* what the charger delivers, ramped */
	double consumption;             /* J per m, mean */
	double used_j, driven_m;        /* since the last slow step */
	double lv_energy;               /* of the 12 V battery, J */
	double conditioning_w; /* battery heater or chiller, electric */
	double load_w;         /* all but the motor, last step */
	bool empty;
	bool topped; /* charged to the limit, waits for 2 % less */
};

/* ---- cabin ---- */

struct cabin {
	double mass_temp;
	double integral[2]; /* K s of each side's regulator */
	double supply[2];   /* air that each side's regulator wants, degC */
	double push[2];     /* fan steps that automatic adds at its limit */
	double fan;         /* blower, 0..1 */
	bool recirc;
};

struct tyre {
	double temp;
	double gas; /* share of the air filled at the factory */
};

/* ---- body ---- */

struct body {
	double flash_s; /* since the flasher began */
	double start_s; /* ignition held in START */
	double dark_s;  /* light sensor sees the other state since */
	double wiper_s; /* since this sweep began */
	double sweep_s; /* time this sweep takes */
	bool wiping;
	double cabin_light_s; /* left of the light after the doors closed */
	bool was_locked;
	int flash_side;
};

/* ---- driver ---- */

/* A piece of the smoothed route: straight or arc. */
struct piece {
	double x, y, heading; /* at its begin; math angle, from east to north */
	double curvature;     /* 1/m, positive left */
	double length;
	double s;     /* of its begin */
	double cap;   /* most speed on it, m/s */
	double limit; /* at its begin, so that all later caps can be met */
};

struct driver {
	enum driver_phase phase;
	double target;   /* speed mode: signed */
	double accel;    /* comfort limit */
	double a_cmd;    /* last demand, m/s2 along the direction of travel */
	double integral; /* m/s2 */
	double steady_s;
	struct piece *piece;
	size_t n, at;
	bool reverse;
	double left_m, cross_m;
	bool told; /* a refusal was logged */
};

struct vehicle {
	struct vehicle_params p;
	double v[VV_N];
	vtime now;
	unsigned int slow; /* 0 .. SLOW_EVERY - 1 */
	struct av_rand rand;
	struct geo geo;
	struct chassis chassis;
	struct energy_books books;
	struct powertrain pt;
	struct battery bat;
	struct cabin cabin;
	struct tyre tyre[4];
	struct body body;
	struct driver driver;
};

void chassis_setup(struct vehicle *v);
void chassis_step(struct vehicle *v, const struct forces *f);
void chassis_publish(struct vehicle *v);
void chassis_air(struct vehicle *v); /* slow: air density */
double chassis_kinetic_j(const struct vehicle *v);
double chassis_resistance(const struct vehicle *v); /* N, at today's speed */

int powertrain_dir(const struct vehicle *v); /* 1 in D, -1 in R, else 0 */
void powertrain_lift(const struct vehicle *v, struct lift *out);
void powertrain_forces(struct vehicle *v, struct forces *out);
double powertrain_electric(struct vehicle *v); /* W, after chassis_step() */
void powertrain_heat(struct vehicle *v);       /* slow */

void battery_setup(struct vehicle *v);
double battery_discharge_max(const struct vehicle *v);
double battery_charge_max(const struct vehicle *v);
void battery_step(struct vehicle *v, double motor_w);
void battery_heat(struct vehicle *v);  /* slow */
void battery_range(struct vehicle *v); /* slow */
void battery_publish(struct vehicle *v);

void cabin_step(struct vehicle *v); /* slow */
void tyres_step(struct vehicle *v); /* slow */
void tyres_publish(struct vehicle *v);

void body_step(struct vehicle *v);
bool body_all_locked(const struct vehicle *v);

void driver_step(struct vehicle *v);

/* The range and interlocks of one variable; no effect. */
int actuate_check(const struct vehicle *v, enum vehicle_var var, double value,
		  struct av_err *err);
/* Set it, with what follows at once (fan turns automatic off, ...). */
void actuate_apply(struct vehicle *v, enum vehicle_var var, double value);

#endif

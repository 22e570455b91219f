/* A room between servers and coil as an FMI 2.0 co-simulation unit: one lump of air and steel.
 *
 * C·dT/dt = K(speed)·(settled - T), settled = supply + share·it/K: exact over a step of any length.
 * Numbers by value reference: 0 supply_c, 1 fan_speed, 2 it_kw (inputs); 3 inlet_c, 4 fan_kw (outputs);
 * 5 design_kw, 6 capacity_kj_k (parameters).
 */
#include <math.h>
#include <stdlib.h>
#include "fmi2Functions.h"

#define COUNT 7
#define AIR_KW_K_PER_KW (1.0 / 9.0) /* air carries the design load at a rise of 9 K */
#define RETURNED 0.1                /* of the servers' heat comes round again */

typedef struct { fmi2Real v[COUNT]; } Room;

static double carried_kw_k(const Room *r) { return r->v[5] * AIR_KW_K_PER_KW * fmax(r->v[1], 0.05); }
static double settled_c(const Room *r) { return r->v[0] + RETURNED * r->v[2] / carried_kw_k(r); }
static void begin(Room *r) {
    const fmi2Real start[COUNT] = {18.0, 0.9, 0.0, 18.0, 0.0, 300.0, 15000.0};
    for (int i = 0; i < COUNT; i++) r->v[i] = start[i];
}

const char *fmi2GetTypesPlatform(void) { return fmi2TypesPlatform; }
const char *fmi2GetVersion(void) { return fmi2Version; }
fmi2Component fmi2Instantiate(fmi2String name, fmi2Type type, fmi2String guid, fmi2String where,
                              const fmi2CallbackFunctions *calls, fmi2Boolean visible, fmi2Boolean log) {
    Room *r = malloc(sizeof *r);
    if (r) begin(r);
    return r;
}
void fmi2FreeInstance(fmi2Component c) { free(c); }
fmi2Status fmi2SetDebugLogging(fmi2Component c, fmi2Boolean on, size_t n, const fmi2String k[]) { return fmi2OK; }
fmi2Status fmi2SetupExperiment(fmi2Component c, fmi2Boolean given, fmi2Real tolerance, fmi2Real start,
                               fmi2Boolean ends, fmi2Real stop) { return fmi2OK; }
fmi2Status fmi2EnterInitializationMode(fmi2Component c) { return fmi2OK; }
fmi2Status fmi2ExitInitializationMode(fmi2Component c) {
    Room *r = c;
    r->v[3] = settled_c(r);
    return fmi2OK;
}
fmi2Status fmi2Terminate(fmi2Component c) { return fmi2OK; }
fmi2Status fmi2Reset(fmi2Component c) { begin(c); return fmi2OK; }
fmi2Status fmi2GetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, fmi2Real value[]) {
    for (size_t i = 0; i < n; i++) {
        if (vr[i] >= COUNT) return fmi2Error;
        value[i] = ((Room *)c)->v[vr[i]];
    }
    return fmi2OK;
}
fmi2Status fmi2SetReal(fmi2Component c, const fmi2ValueReference vr[], size_t n, const fmi2Real value[]) {
    for (size_t i = 0; i < n; i++) {
        if (vr[i] >= COUNT) return fmi2Error;
        ((Room *)c)->v[vr[i]] = value[i];
    }
    return fmi2OK;
}
fmi2Status fmi2DoStep(fmi2Component c, fmi2Real at, fmi2Real step, fmi2Boolean noSetState) {
    Room *r = c;
    const double speed = r->v[1];
    r->v[3] += (settled_c(r) - r->v[3]) * -expm1(-step * carried_kw_k(r) / r->v[6]);
    r->v[4] = 0.045 * r->v[5] * speed * speed * speed;
    return fmi2OK;
}

/* The standard wants every function to be there; this room has no integers, states or derivatives. */
#define NUMBERS fmi2Component c, const fmi2ValueReference vr[], size_t n
fmi2Status fmi2GetInteger(NUMBERS, fmi2Integer v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2GetBoolean(NUMBERS, fmi2Boolean v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2GetString(NUMBERS, fmi2String v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2SetInteger(NUMBERS, const fmi2Integer v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2SetBoolean(NUMBERS, const fmi2Boolean v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2SetString(NUMBERS, const fmi2String v[]) { return n ? fmi2Error : fmi2OK; }
fmi2Status fmi2GetFMUstate(fmi2Component c, fmi2FMUstate *s) { return fmi2Error; }
fmi2Status fmi2SetFMUstate(fmi2Component c, fmi2FMUstate s) { return fmi2Error; }
fmi2Status fmi2FreeFMUstate(fmi2Component c, fmi2FMUstate *s) { return fmi2OK; }
fmi2Status fmi2SerializedFMUstateSize(fmi2Component c, fmi2FMUstate s, size_t *n) { return fmi2Error; }
fmi2Status fmi2SerializeFMUstate(fmi2Component c, fmi2FMUstate s, fmi2Byte b[], size_t n) { return fmi2Error; }
fmi2Status fmi2DeSerializeFMUstate(fmi2Component c, const fmi2Byte b[], size_t n, fmi2FMUstate *s) {
    return fmi2Error;
}
fmi2Status fmi2GetDirectionalDerivative(fmi2Component c, const fmi2ValueReference u[], size_t nu,
                                        const fmi2ValueReference k[], size_t nk, const fmi2Real dk[],
                                        fmi2Real du[]) { return fmi2Error; }
fmi2Status fmi2SetRealInputDerivatives(NUMBERS, const fmi2Integer o[], const fmi2Real v[]) { return fmi2Error; }
fmi2Status fmi2GetRealOutputDerivatives(NUMBERS, const fmi2Integer o[], fmi2Real v[]) { return fmi2Error; }
fmi2Status fmi2CancelStep(fmi2Component c) { return fmi2Error; }
fmi2Status fmi2GetStatus(fmi2Component c, const fmi2StatusKind k, fmi2Status *v) { return fmi2Discard; }
fmi2Status fmi2GetRealStatus(fmi2Component c, const fmi2StatusKind k, fmi2Real *v) { return fmi2Discard; }
fmi2Status fmi2GetIntegerStatus(fmi2Component c, const fmi2StatusKind k, fmi2Integer *v) { return fmi2Discard; }
fmi2Status fmi2GetBooleanStatus(fmi2Component c, const fmi2StatusKind k, fmi2Boolean *v) { return fmi2Discard; }
fmi2Status fmi2GetStringStatus(fmi2Component c, const fmi2StatusKind k, fmi2String *v) { return fmi2Discard; }

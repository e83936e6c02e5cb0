/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's part of a trace: tracing_vm_proto.TracingServer, the gRPC service
 * that trout's tracing client in the guest asks. Between start and stop a
 * session keeps what happened in avsim, in virtual time, as a Perfetto trace
 * (recordings/perfetto.h). It only watches: with it or without, the run is the
 * same, and a recording of it as well but for the requests.
 *
 * How clients ask (sources: tools/tracing of trout, proto/TracingVM.proto,
 * client/TracingClient.cpp, TracingClientTestMain.cpp; read in the copy
 * nxp-imx-android/aosp_device_google_trout):
 *
 * - a command line in the guest, one call each: start with a serialized
 *   perfetto.protos.TraceConfig, stop and get with the number of the session.
 *   The first version of the protocol called that field bytes; on the wire they
 *   are one. That client sends nothing but write_into_file; the later one takes
 *   a file that parses for one that does not (its test is the wrong way round),
 *   so what comes from it is empty or the beginning of a broken one.
 * - it takes an error from is_ok (later version) or from an error_str that is
 *   not empty (first one), so what is no error is never said there.
 * - address: ro.boot.vendor.tracing.server.{cid,port}, then
 *   ro.vendor.tracing.server.{cid,port}, which trout's product files set to the
 *   guest's own CID 1000 and port 9510.
 *
 * The reference server in the same folder numbers sessions, says OK to all else
 * and sends "Test data" for a file; where it was to run is not said. What a file
 * is follows from the type of the configuration alone.
 *
 * Of the configuration this goes by: duration_ms (of virtual time), the sum of
 * buffers.size_kb and fill_policy, write_into_file (keeps the beginning) with
 * max_file_size_bytes, and data sources "avsim" and "avsim.CHANNEL". Whatever
 * else it holds is for other tracers or for files of the device; it is named in
 * the log and in the trace.
 */
#ifndef AVSIM_SERVICES_TRACING_H
#define AVSIM_SERVICES_TRACING_H

#include "sim/services/grpc.h"
#include "sim/services/services.h"

#define TRACING_SESSIONS_MAX 8 /* running or not fetched; the oldest goes */
#define TRACING_BUFFER_DEFAULT (4u << 20)
#define TRACING_BUFFER_MAX (32u << 20) /* of one session */
#define TRACING_MEMORY_MAX (64u << 20) /* of all, without names of tracks */

struct tracing;

/* Adds the service to @server; @env is copied. 0 or -errno with @err. */
int tracing_create(const struct services_env *env, struct grpc_server *server,
		   struct tracing **out, struct av_err *err);
/* After grpc_server_destroy(). */
void tracing_destroy(struct tracing *t);

struct tracing_stats {
	unsigned int running, kept;
	uint64_t started, refused;
	size_t bytes; /* of traces, now */
};
void tracing_stats(struct tracing *t, struct tracing_stats *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// The reference server of bench_grpc: GetValues answered by the C++ gRPC
// library's synchronous server, from a table, with nothing behind it.
//
//	peer_grpc SOCKET
#include "vhal_aidl.grpc.pb.h"

#include <cstdio>
#include <grpcpp/grpcpp.h>
#include <unordered_map>

namespace vp = android::hardware::automotive::vehicle::proto;

class Vehicle final : public vp::VehicleServer::Service {
public:
	Vehicle()
	{
		vp::VehiclePropValue &v = table[0x11600207];

		v.set_prop(0x11600207);
		v.set_timestamp(1234567890123);
		v.add_float_values(12.5f);
	}

	grpc::Status GetValues(grpc::ServerContext *,
			       const vp::VehiclePropValueRequests *q,
			       vp::GetValueResults *out) override
	{
		for (const auto &one : q->requests()) {
			auto *r = out->add_results();
			auto at = table.find(one.value().prop());

			r->set_request_id(one.request_id());
			if (at == table.end()) {
				r->set_status(vp::INVALID_ARG);
			} else {
				*r->mutable_value() = at->second;
			}
		}
		return grpc::Status::OK;
	}

private:
	std::unordered_map<int, vp::VehiclePropValue> table;
};

int main(int argc, char **argv)
{
	Vehicle service;
	grpc::ServerBuilder b;

	if (argc < 2) {
		return 2;
	}
	b.AddListeningPort(std::string("unix:") + argv[1],
			   grpc::InsecureServerCredentials());
	b.RegisterService(&service);
	auto server = b.BuildAndStart();
	if (!server) {
		return 1;
	}
	server->Wait();
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build the C++ gRPC server that bench_grpc compares with: peer_grpc.sh OUTPUT
# Exit 77 where the library is not installed.
set -e
out=$1
src=${AVSIM_TOP_SRCDIR:-.}
plugin=$(command -v grpc_cpp_plugin || true)
if [ -z "$plugin" ] || ! command -v protoc >/dev/null ||
	! echo '#include <grpcpp/grpcpp.h>' | ${CXX:-g++} -E -x c++ - >/dev/null 2>&1; then
	echo "skipped: install libgrpc++-dev protobuf-compiler-grpc" >&2
	exit 77
fi
[ "$out" -nt "$src/tests/bench/peer_grpc.cc" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
protoc -I"$src/sim/services/proto" --plugin=protoc-gen-grpc="$plugin" \
	--cpp_out="$work" --grpc_out="$work" vhal_aidl.proto
${CXX:-g++} -O2 -std=c++17 -I"$work" "$src/tests/bench/peer_grpc.cc" "$work"/*.cc \
	-o "$out" $(pkg-config --libs grpc++) -lprotobuf -lpthread

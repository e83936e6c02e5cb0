#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The power side of an Android guest, scripted: boots over vhal.sock (AIDL
generation), and when asked to shut down prepares, postpones, and then does what
it is told to do here. Needs vhal_aidl_pb2 and vhal_aidl_pb2_grpc on its path."""
import argparse
import queue
import sys
import threading

import grpc
from google.protobuf.empty_pb2 import Empty
import vhal_aidl_pb2 as pb
import vhal_aidl_pb2_grpc as pbg

REQ, REPORT = 0x11410A00, 0x11410A01
ON, SHUTDOWN_PREPARE, CANCEL_SHUTDOWN, FINISHED = range(4)
(WAIT_FOR_VHAL, DEEP_SLEEP_ENTRY, DEEP_SLEEP_EXIT, SHUTDOWN_POSTPONE,
 SHUTDOWN_START, REPORT_ON, REPORT_PREPARE, SHUTDOWN_CANCELLED) = range(1, 9)

ap = argparse.ArgumentParser()
ap.add_argument('socket')
ap.add_argument('--postpone', type=int, default=2, metavar='N',
                help='how often, for each request to shut down; -1: for ever')
ap.add_argument('--period', type=float, default=0.5, metavar='S',
                help='wall time between two postponements')
ap.add_argument('--then', choices=['finish', 'silent'], default='finish')
ap.add_argument('--deaf', action='store_true', help='do not answer requests')
opts = ap.parse_args()

channel = grpc.insecure_channel(f'unix:{opts.socket}')
stub = pbg.VehicleServerStub(channel)
requests = queue.Queue()


def listen():
    """What the host asks; None when it is gone."""
    try:
        for msg in stub.StartPropertyValuesStream(Empty(), wait_for_ready=True):
            for v in msg.values:
                if v.prop == REQ and v.int32_values:
                    requests.put(list(v.int32_values))
    except grpc.RpcError:
        pass
    requests.put(None)


def report(what, ms=0):
    value = pb.VehiclePropValue(prop=REPORT, int32_values=[what, ms])
    got = stub.SetValues(pb.VehiclePropValueRequests(
        requests=[pb.VehiclePropValueRequest(request_id=1, value=value)]),
        timeout=20, wait_for_ready=True)
    assert got.results[0].status == pb.OK, got


def next_request(timeout=None):
    """The next request; False when none came in time."""
    try:
        got = requests.get(timeout=timeout)
    except queue.Empty:
        return False
    if got is None:
        print('guest: the host is gone', flush=True)
        sys.exit(0)
    print('guest: asked for', got, flush=True)
    return got


def wait_for(what):
    while next_request()[0] != what:
        pass


def turn_on(why):
    report(why)
    wait_for(ON)
    report(REPORT_ON)


def garage_mode():
    """True: called off."""
    report(REPORT_PREPARE)
    done = 0
    while done != opts.postpone:
        report(SHUTDOWN_POSTPONE, 5000)
        done += 1
        got = next_request(opts.period)
        if got and got[0] == CANCEL_SHUTDOWN:
            return True
    return False


threading.Thread(target=listen, daemon=True).start()
turn_on(WAIT_FOR_VHAL)
while True:
    wait_for(SHUTDOWN_PREPARE)
    if opts.deaf:
        continue
    if garage_mode():
        turn_on(SHUTDOWN_CANCELLED)
    elif opts.then == 'finish':
        report(DEEP_SLEEP_ENTRY)
        wait_for(FINISHED)
        print('guest: asleep', flush=True)
        sys.exit(0)

-- SPDX-License-Identifier: Apache-2.0
--
-- HTTP/2, and so gRPC, inside virtio-vsock for Wireshark and tshark, which show
-- the payload of vsock packets as bytes and have no "decode as" for them:
--
--     tshark -X lua_script:vsock_http2.lua -r run.pcapng -Y grpc
--
-- A connection whose client begins with the HTTP/2 preface is cut into HTTP/2
-- frames, across packets, and these go to Wireshark's own dissector. Whatever is
-- something else stays as it is.

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local MONITOR = 32 -- bytes of the vsockmon header
local VIRTIO = 44 -- and of the virtio header after it
local FRAME = 9 -- bytes of an HTTP/2 frame header
local OP_REQUEST, OP_RW, TYPE_STREAM = 1, 5, 1

local vsock = Dissector.get("vsock")
local http2 = Dissector.get("http2")
local proto = Proto("vsock_http2", "HTTP/2 in vsock")

local streams = {} -- by direction: { is_http2 = nil|bool, rest = string }
local pieces = {} -- HTTP/2 frames by the packet that completes them

function proto.init()
	streams, pieces = {}, {}
end

local function frame_len(s)
	if s:sub(1, #PREFACE) == PREFACE then
		return #PREFACE
	end
	local a, b, c = s:byte(1, 3)
	return FRAME + a * 65536 + b * 256 + c
end

-- A server may speak before it has seen the preface: with SETTINGS.
local function is_settings(s)
	local a, b, c, kind, flags, i, j, k, l = s:byte(1, FRAME)
	return a == 0 and b == 0 and c % 6 == 0 and kind == 4 and flags == 0 and
		i + j + k + l == 0
end

-- true, false, or nil: not enough bytes yet
local function is_http2(s)
	if #s < FRAME then
		return nil
	elseif is_settings(s) then
		return true
	elseif #s < #PREFACE and s == PREFACE:sub(1, #s) then
		return nil
	end
	return s:sub(1, #PREFACE) == PREFACE
end

-- The whole frames that @data completes.
local function cut(stream, data)
	local found = {}
	local s = stream.rest .. data
	if stream.is_http2 == nil then
		stream.is_http2 = is_http2(s)
	end
	if stream.is_http2 == false then
		return found
	end
	while stream.is_http2 and #s >= FRAME and #s >= frame_len(s) do
		local len = frame_len(s)
		found[#found + 1] = s:sub(1, len)
		s = s:sub(len + 1)
	end
	stream.rest = s
	return found
end

local function look(tvb, number)
	local op = tvb(MONITOR + 30, 2):le_uint()
	local from = tostring(tvb(0, 8):le_uint64()) .. ":" .. tvb(16, 4):le_uint()
	local to = tostring(tvb(8, 8):le_uint64()) .. ":" .. tvb(20, 4):le_uint()
	if op == OP_REQUEST then -- the ports may have been in use before
		streams[from .. ">" .. to] = nil
		streams[to .. ">" .. from] = nil
	end
	if op ~= OP_RW or tvb(MONITOR + 28, 2):le_uint() ~= TYPE_STREAM or
		tvb:len() == MONITOR + VIRTIO then
		return
	end
	local key = from .. ">" .. to
	local stream = streams[key] or { rest = "" }
	streams[key] = stream
	if tvb:len() < tvb:reported_len() then -- cut short: no way to go on
		stream.is_http2 = false
	else
		pieces[number] = cut(stream, tvb:raw(MONITOR + VIRTIO))
	end
end

function proto.dissector(tvb, pinfo, tree)
	vsock:call(tvb, pinfo, tree)
	if tvb:len() < MONITOR + VIRTIO or tvb(26, 2):le_uint() ~= 2 then
		return
	end
	if not pinfo.visited then
		look(tvb, pinfo.number)
	end
	for _, piece in ipairs(pieces[pinfo.number] or {}) do
		local bytes = ByteArray.new(piece, true)
		http2:call(bytes:tvb("HTTP/2 frame"), pinfo, tree)
	end
end

DissectorTable.get("wtap_encap"):add(wtap.VSOCK, proto)

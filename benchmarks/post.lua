-- wrk sends the lines of a file as POST bodies in turn: wrk -s post.lua URL -- FILE KEY PATH SEED PAUSE_MS
-- A line with the mark of an id (payload.py) gets a new UUIDv7 in the place of each.

local MARK = "@@@@@@@@%-@@@@%-@@@@%-@@@@%-@@@@@@@@@@@@"
local requests, marked, started_ms = {}, false, 0
local threads = 0
local pause_ms = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  local headers = {["X-API-Key"] = args[2], ["Content-Type"] = "application/json"}
  for line in io.lines(args[1]) do
    marked = marked or line:find(MARK) ~= nil
    requests[#requests + 1] = wrk.format("POST", args[3], headers, line)
  end
  math.randomseed(tonumber(args[4]) * 1000 + number)
  started_ms = os.time() * 1000
  pause_ms = tonumber(args[5])
  -- wrk asks only those that have it, and a delay of nothing costs a turn of its loop.
  if pause_ms > 0 then
    delay = function() return pause_ms end
  end
end

local function uuid()
  return string.format("%08x-%04x-7%03x-%04x-%06x%06x", math.floor(started_ms / 65536), started_ms % 65536,
    math.random(0, 0xfff), 0x8000 + math.random(0, 0x3fff), math.random(0, 0xffffff), math.random(0, 0xffffff))
end

local at = 0
function request()
  at = at % #requests + 1
  if marked then
    return (requests[at]:gsub(MARK, uuid))
  end
  return requests[at]
end

function done(summary, latency, _)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, summary.errors.status, broken))
end

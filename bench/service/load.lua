-- What wrk sends, and what it says at the end. Arguments: a file of requests in JSON Lines form
-- ("METHOD PATH<tab>TOKEN<tab>BODY", one a line; empty fields are left out), then addresses of servers
-- beyond the one of the URL: each thread keeps to one of them.
local threads = 0

function setup(thread)
  thread:set("place", threads)
  threads = threads + 1
end

function init(arguments)
  requests = {}
  for line in io.lines(arguments[1]) do
    local method, path, token, body = line:match("^(%u+) ([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["authorization"] = "Bearer " .. token end
    if body ~= "" then headers["content-type"] = "application/json" else body = nil end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
  -- Threads do not walk in step.
  at = (place * 37) % #requests
  local host = arguments[place + 2]
  if host ~= nil then
    local name, port = host:match("^(.*):(%d+)$")
    wrk.thread.addr = wrk.lookup(name, port)[1]
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p95":%d,"p99":%d,"failures":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

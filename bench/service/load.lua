-- What wrk sends, and what it says at the end. Arguments: a file of requests ("METHOD PATH<tab>TOKEN<tab>KEYED<tab>BODY",
-- one a line; empty fields are left out), eight hexadecimal digits that no other run has, then addresses of servers:
-- each thread keeps to one of them. A request that is "keyed" has a new Idempotency-Key each time.
local threads = 0
local KEY = "idempotency-key-goes-here"

function setup(thread)
  thread:set("place", threads)
  threads = threads + 1
end

function init(arguments)
  requests = {}
  for line in io.lines(arguments[1]) do
    local method, path, token, keyed, body = line:match("^(%u+) ([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["authorization"] = "Bearer " .. token end
    if keyed ~= "" then headers["idempotency-key"] = KEY end
    if body ~= "" then
      headers["content-type"] = "application/json"
      headers["accept"] = "application/json"
    else
      body = nil
    end
    local text = wrk.format(method, path, headers, body)
    local from, to = text:find(KEY, 1, true)
    requests[#requests + 1] = from and { text:sub(1, from - 1), text:sub(to + 1) } or text
  end
  -- Threads do not walk in step.
  at = (place * 37) % #requests
  run = arguments[2]
  sent = 0
  local host = arguments[place + 3]
  if host ~= nil then
    local name, port = host:match("^(.*):(%d+)$")
    wrk.thread.addr = wrk.lookup(name, port)[1]
  end
end

function request()
  at = at % #requests + 1
  local wanted = requests[at]
  if type(wanted) == "string" then return wanted end
  sent = sent + 1
  return wanted[1] .. string.format("%s-%04x-4000-8000-%012x", run, place, sent) .. wanted[2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p95":%d,"p99":%d,"failures":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

-- The load of bench/load.ts for wrk: puts or reads of one of KEYS keys, over etcd's JSON routes.
-- Arguments: the kind ("put" or "range"), the order ("random" or "walk"), a seed.

local KEYS = 10000
local VALUE_BYTES = 256
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local requests = {}
local order, last = "random", 0

local function base64(text)
  local out = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 3, 0, -1 do
      local digit = math.floor(bits / 64 ^ place) % 64
      out[#out + 1] = ALPHABET:sub(digit + 1, digit + 1)
    end
    if not b then out[#out - 1] = "=" end
    if not c then out[#out] = "=" end
  end
  return table.concat(out)
end

local function randomText(length)
  local bytes = {}
  for at = 1, length do bytes[at] = string.char(math.random(33, 126)) end
  return table.concat(bytes)
end

local function bodyOf(kind, key)
  if kind == "range" then return ('{"key":"%s"}'):format(base64(key)) end
  return ('{"key":"%s","value":"%s"}'):format(base64(key), base64(randomText(VALUE_BYTES)))
end

function init(args)
  local kind = args[1]
  order = args[2]
  math.randomseed(tonumber(args[3]))
  local headers = { ["Content-Type"] = "application/json" }
  for at = 1, KEYS do
    local body = bodyOf(kind, ("k%07d"):format(at))
    requests[at] = wrk.format("POST", "/v3/kv/" .. kind, headers, body)
  end
end

function request()
  if order == "walk" then
    last = last % KEYS + 1
    return requests[last]
  end
  return requests[math.random(KEYS)]
end

-- wrk has no way to ask for the share below a latency, only for the latency below a share.
local function shareBelow(latency, us)
  local low, high = 0, 100
  for _ = 1, 24 do
    local middle = (low + high) / 2
    if latency:percentile(middle) < us then low = middle else high = middle end
  end
  return low / 100
end

function done(summary, latency)
  local errors = summary.errors
  io.write(("RESULT %d %d %d %d %d %d %d %.6f\n"):format(
    summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration,
    latency:percentile(50),
    latency:percentile(95),
    latency:percentile(99),
    latency.max,
    shareBelow(latency, 60000) - shareBelow(latency, 35000)
  ))
end

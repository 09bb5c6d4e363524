-- A day of some customer, another one each time: wrk's request.
local key = os.getenv("WAREHOUSE_API_KEY")

function request()
  local day, hour = math.random(1, 28), math.random(0, 23)
  local path = string.format(
    "/events/customers/tenant-%d/buckets?start=2026-11-%02dT%02d:00:00Z"
      .. "&end=2026-11-%02dT%02d:00:00Z",
    math.random(0, 7), day, hour, day + 1, hour
  )
  return wrk.format("GET", path, { authorization = "Bearer " .. key })
end

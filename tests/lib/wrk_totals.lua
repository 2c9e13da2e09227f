-- For wrk: one line `totals REQUESTS BYTES MICROSECONDS ERRORS`.
function done(summary, latency, requests)
	local e = summary.errors
	print(string.format("totals %d %d %d %d", summary.requests,
	    summary.bytes, summary.duration,
	    e.connect + e.read + e.write + e.status + e.timeout))
end

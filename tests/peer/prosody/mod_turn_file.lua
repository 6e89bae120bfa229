-- Names a TURN server whose secret and lifetime stand in a file, which a test may write anew at any time.
local path = module:get_option_string("turn_file");

module:hook("external_service/services", function (event)
	local f = assert(io.open(path));
	local host, port, secret, ttl = f:read("a"):match("(%S+) (%d+) (%S+) (%d+)");
	f:close();
	module:log("info", "named turn");
	event.services:push({ type = "turn"; host = host; port = tonumber(port); transport = "udp"; algorithm = "turn";
		secret = secret; ttl = tonumber(ttl) });
end);

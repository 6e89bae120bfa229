-- Guests without a password, as Jitsi's servers know them: whoever names the stream that it wants back
-- (?previd= of the WebSocket) logs in under the name that the stream had.
local sasl = require "util.sasl";
local formdecode = require "util.http".formdecode;
local uuid = require "util.uuid".generate;
local provider = {};

module:hook_global("websocket-session", function (event)
	local query = event.request.url.query;
	local params = query and formdecode(query);
	event.session.wants_back = type(params) == "table" and params.previd or nil;
end, 1);

local function owner_of(token)
	for _, s in pairs(prosody.full_sessions) do
		if s.resumption_token == token then
			return s.username;
		end
	end
end

function provider.get_sasl_handler(session)
	local handler = sasl.new(module.host, { anonymous = function () return true; end });
	local process = handler.process;

	function handler:process(text)
		local status, ret, err = process(self, text);
		self.username = session.wants_back and owner_of(session.wants_back) or uuid();
		return status, ret, err;
	end
	return handler;
end

module:provides("auth", provider);

-- Asks certvendor whether the certificate of this client may talk, for "http-request lua.certvendor-check".
-- The argument is the address at which HAProxy itself hands questions on to certvendor. Sets
--
--   txn.certvendor_status    200, or whatever it was; 0 when there was no answer
--   txn.certvendor_device    name of the device
--   txn.certvendor_factory   its factory
--   txn.certvendor_policies  "a, b": the policies of its group; empty when there are none
--   txn.certvendor_reason    the reason in one word
--
-- Only a 200 allows. The question is the certificate alone: no header of the client goes along.

-- Longer than the timeouts of the backend below that address together: after its own, HAProxy's client asks again.
local TIMEOUT_MS = 5000

local function first(headers, name)
	return headers and headers[name] and headers[name][0] or ""
end

core.register_action("certvendor-check", { "http-req" }, function(txn, address)
	local headers = {}
	local der = txn.f:ssl_c_der()

	if der and der ~= "" then
		headers["client-cert"] = { ":" .. txn.c:base64(der) .. ":" } -- RFC 9440
	end
	local response = core.httpclient():get{
		url = "http://certvendor/v1/check",
		headers = headers,
		dst = address,
		timeout = TIMEOUT_MS,
	}
	response = response or {}
	txn:set_var("txn.certvendor_status", response.status or 0)
	txn:set_var("txn.certvendor_device", first(response.headers, "certvendor-device"))
	txn:set_var("txn.certvendor_factory", first(response.headers, "certvendor-factory"))
	txn:set_var("txn.certvendor_policies", first(response.headers, "certvendor-policies"))
	txn:set_var("txn.certvendor_reason", first(response.headers, "certvendor-reason"))
end, 1)

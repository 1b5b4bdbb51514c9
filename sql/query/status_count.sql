-- $1 seconds for which expired certificates stay. Result: certificates, feed position.
SELECT (SELECT count(*) FROM certvendor.certificate
		WHERE not_after > now() - make_interval(secs => $1::double precision)),
	(SELECT last FROM certvendor.feed)

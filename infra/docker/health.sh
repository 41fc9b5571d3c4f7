#!/bin/bash
# Exit code 0 if this container answers a path with 200. The runtime image has neither curl nor wget; bash opens the connection.
set -eu
exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${1:-/health/live}" >&3
read -r -t 5 _ code _ <&3
[ "$code" = 200 ]

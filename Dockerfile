# The image of the service; docs/containers.md says how to run it. From the top of the tree:
#
#   docker build -t certvendor:0.1.0 .
#
# The last stage is what runs: Debian with the libraries that the program needs, about 100 MB, nothing that
# compiles, and an unprivileged user. --target test runs the unit and integration tests.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates
# Packages before sources: a changed source installs nothing anew.
COPY Makefile ./
COPY deploy/install_packages.sh deploy/
RUN make deps-build
COPY . .
RUN make build/release/certvendor && strip -o /certvendor build/release/certvendor

FROM build AS test
RUN apt-get install -y --no-install-recommends libcriterion-dev postgresql
RUN make run-unit && make run-integration

FROM ${BASE}
RUN apt-get update && \
    apt-get install -y --no-install-recommends libcurl4 libgnutls30 libinih1 libjansson4 libmicrohttpd12 libpq5 \
        libssl3 liburcu8 && \
    apt-get clean && \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log && \
    groupadd --gid 10001 certvendor && \
    useradd --uid 10001 --gid certvendor --home-dir /var/lib/certvendor --shell /usr/sbin/nologin certvendor && \
    install -d -o certvendor -g certvendor -m 0700 /var/lib/certvendor
COPY --from=build /certvendor /usr/bin/certvendor
# For webhooks. The package itself would bring the openssl program along.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY LICENSE /usr/share/doc/certvendor/copyright

ARG REVISION=unknown
LABEL org.opencontainers.image.title="certvendor" \
      org.opencontainers.image.description="Certificate vendor for device fleets" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

USER 10001:10001
WORKDIR /var/lib/certvendor
EXPOSE 8080 8443 8444 8445
STOPSIGNAL SIGTERM
# Loading the index of a large fleet takes a while.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m CMD ["certvendor", "healthcheck"]
ENTRYPOINT ["certvendor"]
CMD ["serve"]

# syntax=docker/dockerfile:1
# Signet as one file in an image with little else: docs/operate.md, "Container".

# Other registries, and digests: --build-arg BUILD_IMAGE=registry.example.com/node:24.21.0-bookworm@sha256:…
# The version in packaging/node/package.json: then the executable takes this Node as it is.
ARG BUILD_IMAGE=node:24.21.0-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
# The compiled part of SQLite, and nothing else, needs its install script.
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3
COPY . .
RUN npm run build

# Node's binary needs the C and C++ libraries, which this image has; no shell, no package manager, a user without a password.
FROM ${RUNTIME_IMAGE}
COPY --from=build /build/dist/signet /usr/local/bin/signet
COPY --from=build /build/dist/sbom.json /build/dist/THIRD-PARTY-LICENSES /usr/local/share/doc/signet/
COPY --from=build --chown=65532:65532 --chmod=0700 /build/packaging/container/data /data
USER 65532:65532
ENV SIGNET_HOST=0.0.0.0 SIGNET_DATA=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/signet", "health", "--timeout", "4"]
ENTRYPOINT ["/usr/local/bin/signet"]
CMD ["serve"]

# Two images of the same bundled files, for amd64 and arm64 (nothing in them is compiled):
#   docker build -t postern .                              the sidecar: distroless, a user without rights
#   docker build -t postern-redirect --target redirect .   the init container that applies redirect rules: nft, root
# A release names what it builds on by digest: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:...
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
COPY scripts scripts
RUN node scripts/bundle.ts /out && npm sbom --package-lock-only --sbom-format=cyclonedx > /out/sbom.cdx.json

# Its container runs as root with NET_ADMIN and NET_RAW alone, and ends before the application starts.
FROM ${NODE_IMAGE} AS redirect
RUN apt-get update && apt-get install --yes --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*
# On some platforms Node needs a library that the runtime image does not have.
RUN mkdir /needed && ldd /usr/local/bin/node | awk '/libatomic/ { print $3 }' | xargs --no-run-if-empty cp --target-directory=/needed
USER 0:0
WORKDIR /postern
COPY --from=build /out dist/command
ENV NODE_ENV=production
ENTRYPOINT ["node", "/postern/dist/command/postern.mjs"]
CMD ["redirect", "--help"]

# The C++ runtime and nothing else; Node is the one that the tests ran on, for the platform that is built for.
FROM ${RUNTIME_IMAGE} AS sidecar
# OSM's own proxy uid.
USER 1500:1500
WORKDIR /postern
COPY --from=redirect /usr/local/bin/node /nodejs/bin/node
COPY --from=redirect /needed /usr/lib
# The command stands two folders deep, as its sources do: the demo finds its manifests by that.
COPY --from=build /out dist/command
COPY config/demo config/demo
COPY config/crd config/crd
ENV NODE_ENV=production
ENTRYPOINT ["/nodejs/bin/node", "/postern/dist/command/postern.mjs"]
CMD ["run"]

# Bundled files on a distroless Node, as a non-root user. Build: docker build -t postern .
FROM node:26.10.0-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
COPY scripts scripts
RUN node scripts/bundle.ts /out

# The C++ runtime and nothing else; Node is the one that the tests ran on.
FROM gcr.io/distroless/cc-debian12:nonroot
# 1500 is the uid that the redirect rules let pass; it is OSM's own proxy uid.
USER 1500:1500
WORKDIR /postern
COPY --from=build /usr/local/bin/node /nodejs/bin/node
COPY --from=build /out ./
ENV NODE_ENV=production
ENTRYPOINT ["/nodejs/bin/node", "/postern/postern.mjs"]
CMD ["run"]

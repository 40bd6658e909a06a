# syntax=docker/dockerfile:1

# Node is the one of tools/node-runtime, with which everything is tested; a test compares the two.
ARG NODE=node:24.21.0-trixie-slim
# The same Debian without what only builds: npm, yarn, corepack and Node's headers stay behind (90 MB).
ARG BASE=debian:trixie-slim

# JavaScript is the same on every machine, so it is made on the one that builds.
FROM --platform=$BUILDPLATFORM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools ./tools
RUN npm ci --workspaces=false
COPY tsconfig.json tsconfig.build.json ./
COPY script ./script
COPY translations ./translations
# the picture of the page
COPY custom_components/homestash/brand ./custom_components/homestash/brand
COPY src ./src
RUN npm run build && find dist -name '*.map' -delete && chmod +x dist/homestash.js

# Modules may carry machine code, so they are installed on the machine that they are for.
FROM ${NODE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools ./tools
COPY script/lib/prune-modules.ts ./
RUN npm ci --omit=dev --workspaces=false && node prune-modules.ts node_modules

FROM ${BASE}
ARG BUILD_VERSION=dev
LABEL \
  io.hass.type="app" \
  io.hass.arch="aarch64|amd64" \
  io.hass.version="${BUILD_VERSION}" \
  io.hass.name="Homestash" \
  org.opencontainers.image.title="Homestash" \
  org.opencontainers.image.description="Keeps what a home must not lose: Home Assistant backups in any S3-compatible store or folder" \
  org.opencontainers.image.url="https://github.com/homestash/homestash" \
  org.opencontainers.image.source="https://github.com/homestash/homestash" \
  org.opencontainers.image.documentation="https://github.com/homestash/homestash/blob/main/docs/install.md" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${BUILD_VERSION}"

# For devices whose files are fetched with rsync, by SSH or from its daemon.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends openssh-client rsync \
  && rm -rf /var/lib/apt/lists/*

# There is no USER: under the Supervisor /data and /share belong to root, and an app is given no other user. The program
# becomes the owner of its data (src/run-as.ts), and a fresh volume belongs to the user 1000, as the folder here does.
RUN useradd --uid 1000 --no-create-home --home-dir /data --shell /usr/sbin/nologin homestash \
  && install --directory --owner=homestash --group=homestash --mode=0700 /data \
  && ln -s /app/dist/homestash.js /usr/local/bin/homestash

COPY --from=modules /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY translations ./translations
COPY --from=build /app/dist ./dist

ENV NODE_ENV=production \
  HOME=/data \
  HOMESTASH_DATA=/data \
  HOMESTASH_STATE=/dev/shm/homestash \
  HOMESTASH_BIND=0.0.0.0
VOLUME ["/data"]
EXPOSE 8098
STOPSIGNAL SIGTERM
# Often while it starts, for the Supervisor shows an app as started when it is healthy; later a process a minute is enough.
HEALTHCHECK --start-period=60s --start-interval=2s --interval=60s --timeout=5s --retries=3 \
  CMD ["node", "/app/dist/homestash.js", "health"]
# The small young generation lets the chunks of a stream go soon: 70 MB less memory in an upload.
CMD ["node", "--max-semi-space-size=1", "/app/dist/homestash.js", "serve"]

# Built on a current Node LTS and Debian: uWebSockets.js's newest build wants glibc 2.38 or later.
FROM node:24-trixie-slim AS build
WORKDIR /penstock
COPY package.json package-lock.json .npmrc tsconfig.json ./
COPY src ./src
COPY config ./config
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24-trixie-slim
WORKDIR /penstock
ENV NODE_ENV=production PENSTOCK_DATA_DIR=/data PENSTOCK_HTTP__HOST=0.0.0.0
COPY --from=build --chown=root:root /penstock/package.json ./
COPY --from=build --chown=root:root /penstock/node_modules ./node_modules
COPY --from=build --chown=root:root /penstock/dist/src ./dist/src
COPY --from=build --chown=root:root /penstock/dist/bundle ./dist/bundle
COPY --from=build --chown=root:root /penstock/config ./config
# The live page's files, which are served as they are.
COPY --from=build --chown=root:root /penstock/src/ops/page/static ./src/ops/page/static
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=2s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "dist/bundle/main.js", "serve"]

# LogLine's API and kernels on a PostgreSQL of your own: DATABASE_URL is the owner of the schema.
#   docker build -t logline . && docker run -p 8787:8787 -v logline:/data -e DATABASE_URL=postgres://… logline
FROM node:24.21.0-slim

ENV HOST=0.0.0.0 LOGLINE_DATA=/data NPM_CONFIG_UPDATE_NOTIFIER=false
WORKDIR /app
COPY package.json package-lock.json ./
COPY client/package.json client/
# The launcher transpiles TypeScript with esbuild, a development dependency.
RUN npm ci --include=dev --no-audit --no-fund && npm cache clean --force
COPY . .
RUN mkdir /data && chown node:node /data

USER node
VOLUME /data
EXPOSE 8787
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/api/health?ready=1').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "cli/logline.js", "dev"]

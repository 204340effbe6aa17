# syntax=docker/dockerfile:1
# Not built where this was written: there was no container engine.
#
#   docker build --tag finance-api .
#   docker run --rm --env DATABASE_URL --env SIRIUS_URL --publish 8080:8080 finance-api
#   docker run --rm --env DATABASE_URL --entrypoint /usr/local/bin/migration finance-api up
#
# With a database beside it: compose.yaml.

# GraphiQL's own files, so that its page takes nothing from a CDN. Each is checked against assets.json.
FROM node:22-bookworm-slim AS graphiql
WORKDIR /src/api/graphiql
COPY api/graphiql/.npmrc api/graphiql/assets.json api/graphiql/build.mjs \
     api/graphiql/package.json api/graphiql/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm run build

# The image has gcc and libc's headers, and the C parts (aws-lc-sys, SQLite, psm) need no more: CMake and
# libclang are for platforms that aws-lc-sys has no bindings for.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY api api
COPY entity entity
COPY migration migration
# Cargo reads the manifest of every member of the workspace. Nothing of this one is built.
COPY tests/Cargo.toml tests/
# What a mount holds is not in the layer, so the programs are copied out of it at once.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked -p api -p migration \
 && install -D --target-directory=/out target/release/finance-api target/release/migration

# glibc, libgcc and the certificates of public authorities (for https to Sirius), and no shell. Debian 12
# as above, since the programs want a glibc as new as the one they were linked with.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/finance-api /out/migration /usr/local/bin/
COPY --from=graphiql /src/api/graphiql/dist /usr/share/finance-api/graphiql
ENV LISTEN_ADDR=0.0.0.0:8080 \
    LOG_FORMAT=json \
    GRAPHIQL_DIR=/usr/share/finance-api/graphiql
# As a number, so that an orchestrator can see that it is not root. The image calls it nonroot.
USER 65532:65532
# The API; metrics, which are off without METRICS_ADDR=0.0.0.0:9090.
EXPOSE 8080 9090
# No HEALTHCHECK: it would run in here, where there is neither a shell nor curl. Let the orchestrator ask:
# GET /health/live (restart it), GET /health/ready (send it requests). On SIGTERM the program ends what it
# has accepted, for 30 seconds at most: give it 35.
ENTRYPOINT ["/usr/local/bin/finance-api"]
CMD ["serve"]

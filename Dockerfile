# Builds the program in a compiler image, then copies it into a small image.
# CI may replace these two images. Both must have the same Debian release, because the program is linked to
# that release's C library.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build

# Queries are checked against the stored descriptions in .sqlx, so the build needs no database.
ENV SQLX_OFFLINE=true

# The libraries take minutes to build and change rarely, so they have their own layer, which is rebuilt only if a
# manifest or the lock file changes. An empty program is enough to build them: with two packages, cargo-chef would be
# one more tool to install and pin for the same result. The test files in the manifest are not needed to build the
# program, and rust-toolchain.toml is left out because the image already determines the compiler.
# The build of the empty program is removed: the copied sources have older times, so cargo would not rebuild them.
# The empty program exits with 1, so the check in the last stage would detect it.
COPY Cargo.toml Cargo.lock ./
COPY src/domain/Cargo.toml src/domain/Cargo.toml
RUN touch src/lib.rs src/domain/mod.rs \
    && echo 'fn main() { std::process::exit(1) }' > src/main.rs \
    && cargo build --locked --release --bin sarcoscreen \
    && cargo clean --locked --release --package sarcoscreen --package sarcoscreen-domain \
    && rm -r src

# Migrations, rule tables, the published conformance cases, and the templates and files of the web pages are compiled in.
COPY .sqlx .sqlx
COPY migrations migrations
COPY tests/contract/cases tests/contract/cases
COPY openapi/examples.json openapi/examples.json
COPY askama.toml askama.toml
COPY src src
RUN cargo build --locked --release --bin sarcoscreen && mkdir kept

# Nothing is installed here: the C library is in the base image, and the certificate authorities for the connection to the
# database are compiled in. Those for the issuer of tokens are copied from the build image; a clinic with its own authority
# mounts another file here.
FROM ${BASE_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/sarcoscreen /usr/local/bin/sarcoscreen

# A numeric user id: orchestrators can verify that it is not root, and key files can be assigned to it.
# The program writes one file, the erasure log, at the path in its setting; the root file system may be read-only. A volume
# that is mounted at this folder gets the same owner.
COPY --from=build --chown=10001:10001 /build/kept /var/lib/sarcoscreen
USER 10001:10001

# The address inside the container; the published ports determine who can reach it.
ENV SARCOSCREEN_LISTEN=0.0.0.0:8080
EXPOSE 8080

# Fails the build when the program does not start on this base image.
RUN ["/usr/local/bin/sarcoscreen", "--version"]

# On this signal the program accepts no new requests and finishes those in progress.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/sarcoscreen", "health"]

ENTRYPOINT ["/usr/local/bin/sarcoscreen"]
CMD ["serve"]

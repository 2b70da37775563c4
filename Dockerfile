# Builds the program with a compiler image, then ships it alone in a small one.
# CI may put its own images in place of these two. Both must be the same Debian release, because the program
# is linked to that release's C library.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build

# Queries are checked against the stored descriptions in .sqlx, so the build needs no database.
ENV SQLX_OFFLINE=true

# The libraries take minutes and change seldom, so they get a layer that only the manifest and the lock file renew.
# An empty program in place of ours is enough for that: with two packages, cargo-chef would be one more tool to
# install and pin for the same result. The test files that the manifest names are not needed to build the program,
# and rust-toolchain.toml stays out because the image already chooses the compiler.
# What was built of the empty program is removed: copied sources keep their own, older times, and cargo would take
# them for built. It exits with 1, so the check in the last stage would notice it.
COPY Cargo.toml Cargo.lock ./
COPY src/domain/Cargo.toml src/domain/Cargo.toml
RUN touch src/lib.rs src/domain/mod.rs \
    && echo 'fn main() { std::process::exit(1) }' > src/main.rs \
    && cargo build --locked --release --bin sarcoscreen \
    && cargo clean --locked --release --package sarcoscreen --package sarcoscreen-domain \
    && rm -r src

# Migrations, rule tables and the published conformance cases are compiled in.
COPY .sqlx .sqlx
COPY migrations migrations
COPY tests/contract/cases tests/contract/cases
COPY openapi/examples.json openapi/examples.json
COPY src src
RUN cargo build --locked --release --bin sarcoscreen && mkdir kept

# Nothing is installed here: the C library is in the base image, and the certificate authorities for the connection to the
# database are compiled in. Those for the issuer of tokens are the build image's; a clinic with an authority of its own
# mounts another file here.
FROM ${BASE_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/sarcoscreen /usr/local/bin/sarcoscreen

# A number, so that orchestrators can see that it is not root, and so that key files can be given to it by number.
# The program writes one file, the erasure log, where its setting says; the root file system may be read-only. A volume that
# is mounted at this folder belongs to the same number.
COPY --from=build --chown=10001:10001 /build/kept /var/lib/sarcoscreen
USER 10001:10001

# The address inside the container; who may reach it is decided by what is published.
ENV SARCOSCREEN_LISTEN=0.0.0.0:8080
EXPOSE 8080

# Fails the build when the program does not start on this base image.
RUN ["/usr/local/bin/sarcoscreen", "--version"]

# Stops taking requests and finishes those under way.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/sarcoscreen", "health"]

ENTRYPOINT ["/usr/local/bin/sarcoscreen"]
CMD ["serve"]

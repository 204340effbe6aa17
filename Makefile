# Each target is a command or two that can as well be typed. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test test-one lint schema settings clients properties sequences fuzz soak sight performance bench instructions deny advisories package ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the demo, on http://localhost:8080/graphql
	cargo run -- demo

test: ## all Rust tests, on SQLite and PostgreSQL (FINANCE_TEST_DB=sqlite or postgres for one of them)
	cargo test --workspace --locked

test-one: ## the tests whose names hold T: make test-one T=paging
	$(if $(T),,$(error say which: make test-one T=paging))
	cargo test --workspace --locked -- $(T)

lint: ## format and clippy, as CI has them
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

schema: ## prints schema.graphql anew, then its conventions and what it breaks
	cargo run --quiet -- schema > schema.new && mv schema.new schema.graphql
	npm ci --silent --ignore-scripts --prefix tests/schema && npm test --silent --prefix tests/schema

settings: ## writes docs/configuration.md anew
	cargo run --quiet -- settings > configuration.new && mv configuration.new docs/configuration.md

clients: ## Apollo Client, urql and Relay against the built server
	cargo build --workspace --locked
	npm ci --silent --ignore-scripts --prefix tests/clients && npm test --silent --prefix tests/clients

properties: ## the properties of the plain rules, 10,000 cases each (CASES=100000 for more)
	PROPTEST_CASES=$(or $(CASES),10000) cargo test --release -p api --lib

sequences: ## random sequences of changes, 3,000 of them on each database
	PROPTEST_CASES=$(or $(CASES),3000) cargo test --release -p tests --test e2e sequences

fuzz: ## a million arbitrary requests
	cargo run --release -p tests --bin fuzz -- --inputs 1000000

soak: ## ten minutes under load, while what it needs is taken away (ARGS='--minutes 3')
	cargo build --release --locked -p api -p tests
	$(or $(CARGO_TARGET_DIR),target)/release/soak $(ARGS)

sight: ## every panel and alert against a real Prometheus (Debian: prometheus)
	cargo build --release --locked -p api -p migration
	node tests/prometheus/exercise.mjs

performance: ## the service against PostgreSQL alone (Debian: wrk, postgresql-contrib; ARGS='--only typical')
	cargo build --release --locked -p api -p tests
	$(or $(CARGO_TARGET_DIR),target)/release/performance $(ARGS)

bench: ## what the program's own work costs, without a database
	cargo bench -p tests --bench micro

instructions: ## counts instructions anew, into the table that CI compares with (Debian: valgrind)
	cargo test --quiet --locked -p tests --bench micro -- --update

deny: ## licences, duplicates, banned crates, sources and advisories (cargo install --locked cargo-deny)
	cargo deny --locked check

advisories: ## of those, known vulnerabilities alone
	cargo deny --locked check advisories

package: ## a Debian package and a tar.gz, into target/package
	cargo build --release --locked -p api -p migration
	npm run --silent --prefix api/graphiql build
	packaging/package

ci: ## what a push must pass; installs what is missing, as root on Debian
	.ci/run

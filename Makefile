# What a person types; each target is a list of steps in .ci/steps, which installs what is missing and times what it does.

# Outside the checkout, so that a second clone starts where the first one ended. Respected when already set.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/penchant/target

.DEFAULT_GOAL := help
.PHONY: help quickstart serve install test soak fmt conformance bench release clean-state

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## Build the first-run binary, then walk the whole way with a demo shop in ./penchant-shop (FEATURES="postgres kafka" adds connectors)
	@.ci/steps quickstart

serve: ## Build the first-run binary and serve ./.penchant on 127.0.0.1:7440
	@.ci/steps serve

install: ## Copy the built binary to Cargo's bin folder, so that the shell finds `penchant` (PROFILE=release after `make release`)
	install -D -m 755 "$(CARGO_TARGET_DIR)/$(or $(PROFILE),quick)/penchant" "$(or $(CARGO_HOME),$(HOME)/.cargo)/bin/penchant"

test: ## Everything that must pass: fmt, clippy, tidy, all tests (real servers included), boto3 and the AWS CLI
	@.ci/steps test

soak: ## Kill the server at every named point, and play thousands of histories of the queue (PENCHANT_CRASH_SEED, PENCHANT_HISTORIES)
	@PENCHANT_HISTORIES=$${PENCHANT_HISTORIES:-5000} cargo test --release -p runs --test simulation -- --nocapture every_history
	@PENCHANT_SOAK=1 cargo nextest run --workspace --all-features -E 'test(a_killed_server)' --no-capture

fmt: ## Format the Rust sources
	@cargo fmt --all

conformance: ## Only boto3 and the AWS CLI against the started server (ARGS="-k glue" chooses)
	@.ci/steps conformance $(ARGS)

bench: ## Measure and print the table of README, with the first-run binary (ARGS="--profile release" for production's)
	@bench/run $(ARGS)

release: ## Build for production: everything optimised, every feature (about an hour on two cores)
	@.ci/steps release

clean-state: ## Remove the demo shop and the state that quickstart and serve left in this folder
	rm -rf ./penchant-shop ./.penchant
